// What both rooms share: asking the server, saying what is waited for, drawing a hold and a push.
import {startMaps} from "./maps.js";
import {startPlay} from "./play.js";

export const $ = id => document.getElementById(id);
export const DIRECTIONS = ["→ right", "↗ up right", "↑ up", "↖ up left", "← left", "↙ down left", "↓ down", "↘ down right"];

export function say(message, bad = false) {
  $("status").textContent = message;
  $("status").className = bad ? "bad" : "";
}

/** Ask the server; an Error in words where it refuses or is gone. */
export async function ask(path, body) {
  let answer;
  try {
    answer = await fetch("api/" + path, body === undefined ? {} : {method: "POST", body});
  } catch {
    throw new Error("the server does not answer: is atp demo still running?");
  }
  if (answer.ok) return answer;
  let words = "the server failed: see the terminal of atp demo";
  try { words = (await answer.json()).error || words; } catch { /* not JSON: the words above */ }
  throw new Error(words);
}
export const askJson = async (path, body) => (await ask(path, body)).json();

/** Do something that takes a while, with a word of it, and say what went wrong. */
export async function waiting(words, work) {
  say(words);
  try {
    const told = await work();
    say(typeof told === "string" ? told : "");
    return true;
  } catch (error) {
    say(error.message, true);
    return false;
  }
}

/** The pixel [row, col] of an image of this size below a pointer on its canvas. */
export function pixelAt(canvas, event, height, width) {
  const box = canvas.getBoundingClientRect();
  const clip = (value, size) => Math.max(0, Math.min(size - 1, Math.floor(value * size)));
  return [clip((event.clientY - box.top) / box.height, height), clip((event.clientX - box.left) / box.width, width)];
}

/** Draw an image, then the hold as a ring and the push as an arrow; sharp on any screen. */
export function drawScene(canvas, image, height, width, hold, push, direction) {
  const scale = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio / width)) || 1;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d");
  pen.imageSmoothingEnabled = false;
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  const unit = canvas.width / 40;
  const stroke = trace => {
    for (const [ink, line] of [["#000", unit / 1.5], ["#fff", unit / 3]]) {
      pen.strokeStyle = ink; pen.lineWidth = line; pen.beginPath(); trace(); pen.stroke();
    }
  };
  if (hold) stroke(() => pen.arc((hold[1] + .5) * scale, (hold[0] + .5) * scale, unit, 0, 7));
  if (push) {
    const angle = -direction * Math.PI / 4, x = (push[1] + .5) * scale, y = (push[0] + .5) * scale;
    const tip = [x + 4 * unit * Math.cos(angle), y + 4 * unit * Math.sin(angle)];
    stroke(() => {
      pen.moveTo(x, y); pen.lineTo(...tip);
      for (const turn of [2.5, -2.5]) {
        pen.moveTo(...tip); pen.lineTo(tip[0] + unit * Math.cos(angle + turn), tip[1] + unit * Math.sin(angle + turn));
      }
    });
  }
}
export async function loadImage(url) {
  const image = new Image();
  image.src = url;
  await image.decode();
  return image;
}
/** Where an arrow key moves a pixel to; null for another key. */
export function moved(pixel, event, height, width) {
  const step = event.shiftKey ? 8 : 2;
  const [down, right] = {ArrowUp: [-step, 0], ArrowDown: [step, 0], ArrowLeft: [0, -step], ArrowRight: [0, step]}[event.key] || [];
  if (down === undefined) return null;
  event.preventDefault();
  return [Math.max(0, Math.min(height - 1, pixel[0] + down)), Math.max(0, Math.min(width - 1, pixel[1] + right))];
}

function openRoom(name) {
  for (const room of ["maps", "play"]) {
    $(room).hidden = room !== name;
    $("tab-" + room).setAttribute("aria-selected", room === name);
  }
  dispatchEvent(new Event("resize"));
}

async function start() {
  for (const room of ["maps", "play"]) $("tab-" + room).onclick = () => openRoom(room);
  let choices;
  if (!await waiting("loading …", async () => { choices = await askJson("choices"); })) return;
  for (const form of [$("maps-form"), $("play-form")]) {
    for (const [split, names] of Object.entries(choices.categories)) {
      const group = document.createElement("optgroup");
      group.label = split;
      for (const name of names) group.append(Object.assign(new Option(name, split + "/" + name)));
      form.category.append(group);
    }
  }
  for (const name of choices.policies) $("play-form").policy.append(new Option(name, name));
  $("play-form").policy.value = "ours";
  startPlay();
  await startMaps();
}
start();
