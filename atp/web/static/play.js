// Play: an object, step by step.
import {$, DIRECTIONS, askJson, drawScene, loadImage, moved, pixelAt, say, waiting} from "./page.js";

let state = null, image = null, hold = null, push = null, picking = "hold", busy = false, running = false;

function redraw() {
  if (state && !$("play").hidden)
    drawScene($("play-canvas"), image, state.height, state.width, hold, push, +$("direction").value);
}
function pick(what) {
  picking = what;
  for (const name of ["hold", "push"]) $("pick-" + name).setAttribute("aria-pressed", name === what);
}
function place(pixel) {
  if (picking === "hold") { hold = pixel; pick("push"); } else push = pixel;
  redraw();
}
async function change(words, path, body) {
  if (busy) return false;
  busy = true;
  for (const button of document.querySelectorAll("#play button")) if (button.id !== "run") button.disabled = true;
  const done = await waiting(words, async () => {
    const next = await askJson(path, JSON.stringify(body));
    image = await loadImage(next.image);
    state = next;
    show();
    const last = state.steps[state.steps.length - 1];
    return last ? `${last.outcome}: ${last.found} of ${state.true_parts} parts found` : "nothing is known of it yet";
  });
  busy = false;
  for (const button of document.querySelectorAll("#play button")) button.disabled = false;
  return done;
}
function show() {
  $("moved").src = state.moved;
  $("parts").src = $("parts-link").href = state.parts;
  $("play-caption").textContent = `${state.instance}, ${state.true_parts} parts`;
  $("steps").replaceChildren(...state.steps.map((step, i) => {
    const [a, b, c, d, k] = step.action, row = document.createElement("tr");
    const score = step.miou === null ? "-" : step.miou.toFixed(2);
    for (const text of [i + 1, `${a}, ${b}`, `${c}, ${d}`, DIRECTIONS[k].split(" ")[0], step.outcome, step.found, score])
      row.append(Object.assign(document.createElement("td"), {textContent: text}));
    return row;
  }));
  hold = push = null;
  pick("hold");
  redraw();
}
const step = action => change("acting and looking at what moved …", "play/step", action ? {action} : {});

async function run() {
  running = !running;
  $("run").textContent = running ? "Stop" : "Play by itself";
  while (running && state.steps.length < 30 && await step());
  running = false;
  $("run").textContent = "Play by itself";
}
export function startPlay() {
  DIRECTIONS.forEach((name, k) => $("direction").append(new Option(name, k)));
  const form = $("play-form"), canvas = $("play-canvas");
  const begin = () => {
    const [split, category] = form.category.value.split("/");
    return change("fetching the object …", "play/begin", {split, category, policy: form.policy.value, seed: +form.seed.value});
  };
  const needed = work => () => state ? work() : say("choose an object first: New object", true);
  const own = needed(() => hold && push ? step([...hold, ...push, +$("direction").value])
    : say("click a hold and a push in the image first", true));
  form.onsubmit = event => { event.preventDefault(); running = false; begin(); };
  $("policy-step").onclick = needed(() => step());
  $("run").onclick = needed(run);
  $("back").onclick = needed(() => change("playing the steps before it again …", "play/back", {}));
  $("own-step").onclick = own;
  for (const name of ["hold", "push"]) $("pick-" + name).onclick = () => pick(name);
  $("direction").onchange = redraw;
  canvas.onpointerdown = event => {
    if (!state || busy) return say(busy ? "still acting: a moment" : "choose an object first: New object", true);
    place(pixelAt(canvas, event, state.height, state.width));
  };
  canvas.onkeydown = event => {
    if (!state || busy) return;
    const middle = [state.height >> 1, state.width >> 1], next = moved((picking === "hold" ? hold : push) || middle, event, state.height, state.width);
    if (next) { if (picking === "hold") hold = next; else push = next; redraw(); }
    if (event.key === "Enter") { if (picking === "hold" && hold) pick("push"); else own(); }
  };
  addEventListener("resize", redraw);
  $("tab-play").addEventListener("click", () => { if (!state) begin(); });
}
