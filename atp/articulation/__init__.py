"""From play to a model: the joints of an object, estimated from how its parts moved against one another."""
