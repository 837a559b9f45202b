"""What training alone needs: rewards, hindsight labels, losses, augmentation."""
