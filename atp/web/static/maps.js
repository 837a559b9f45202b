// Conditional reasoning: push maps for the hold under the pointer.
import {$, DIRECTIONS, ask, askJson, drawScene, loadImage, moved, pixelAt, say, waiting} from "./page.js";

let scene = null, image = null, heat = null;  // what is shown, and the hold map laid over it
let hold = null, kept = false, asked = null, asking = false;
const canvases = [];

/** Colours of a map from 0 to 255: black, violet, orange, light yellow. */
const STOPS = [[0, 0, 0], [120, 28, 109], [237, 105, 37], [252, 255, 164]];
const COLOURS = Array.from({length: 256}, (_, value) => {
  const at = value / 255 * 3, stop = Math.min(2, Math.floor(at)), share = at - stop;
  return STOPS[stop].map((from, i) => from + share * (STOPS[stop + 1][i] - from));
});
function drawMap(canvas, values, top, height, width) {
  canvas.width = width; canvas.height = height;
  const pen = canvas.getContext("2d"), pixels = pen.createImageData(width, height);
  for (let i = 0; i < height * width; i++) {
    const colour = COLOURS[Math.min(255, Math.round(255 * values[i] / top))];
    pixels.data.set([...colour, 255], 4 * i);
  }
  pen.putImageData(pixels, 0, 0);
}
function redraw() {
  if (scene && !$("maps").hidden)
    drawScene($("maps-canvas"), $("show-hold").checked ? heat : image, scene.height, scene.width, hold);
}
/** Ask for the maps of the hold; of holds that come meanwhile, the last one is asked for next. */
async function follow() {
  redraw();
  asked = [scene.scene, ...hold];
  if (asking) return;
  asking = true;
  try {
    while (asked) {
      const [number, row, col] = asked;
      asked = null;
      const answer = await ask(`maps/push?scene=${number}&row=${row}&col=${col}`);
      const values = new Uint8Array(await answer.arrayBuffer());
      if (number === scene.scene) showMaps(values);
    }
  } catch (error) {
    say(error.message, true);
  }
  asking = false;
}
function showMaps(values) {
  const size = scene.height * scene.width;
  const best = DIRECTIONS.map((_, k) => values.subarray(k * size, (k + 1) * size).reduce((a, b) => Math.max(a, b), 0));
  const top = Math.max(1, ...best);
  canvases.forEach(({figure, canvas, note}, k) => {
    drawMap(canvas, values.subarray(k * size, (k + 1) * size), top, scene.height, scene.width);
    note.textContent = `${DIRECTIONS[k]}: ${(best[k] / 255).toFixed(2)}`;
    figure.className = best[k] === top ? "best" : "";
  });
  $("scale-top").textContent = (top / 255).toFixed(2);
}
async function show(path, body) {
  await waiting("looking at it …", async () => {
    const next = await askJson(path, body);
    image = await loadImage(next.image);
    scene = next;
    const values = Uint8Array.from(atob(scene.hold), letter => letter.charCodeAt(0));
    heat = document.createElement("canvas");
    const best = values.reduce((most, value, i) => value > values[most] ? i : most, 0);
    drawMap(heat, values, Math.max(1, values[best]), scene.height, scene.width);
    hold = [Math.floor(best / scene.width), best % scene.width];
    kept = false;
    await follow();
    return "the ring is at the best hold";
  });
}
function showPicture(file) {
  if (file) show("maps/picture", file);
}
export function startMaps() {
  DIRECTIONS.forEach(() => {
    const figure = document.createElement("figure"), canvas = document.createElement("canvas");
    const note = document.createElement("figcaption");
    figure.append(canvas, note);
    $("push-maps").append(figure);
    canvases.push({figure, canvas, note});
  });
  const canvas = $("maps-canvas");
  const point = event => { hold = pixelAt(canvas, event, scene.height, scene.width); follow(); };
  canvas.onpointermove = event => {
    if (scene && !kept && (event.pointerType === "mouse" || event.buttons)) point(event);
  };
  canvas.onpointerdown = event => {
    if (!scene) return say("still loading the image: a moment", true);
    if (event.pointerType !== "mouse") return point(event);  // a finger holds where it is
    kept = !kept;
    point(event);
    say(kept ? "hold kept: click again to let go" : "the hold follows the pointer");
  };
  canvas.onkeydown = event => {
    const next = scene && moved(hold, event, scene.height, scene.width);
    if (next) { hold = next; kept = true; follow(); }
  };
  $("show-hold").onchange = redraw;
  $("picture").onchange = event => showPicture(event.target.files[0]);
  addEventListener("resize", redraw);
  addEventListener("dragover", event => event.preventDefault());
  addEventListener("drop", event => {
    event.preventDefault();
    $("tab-maps").click();
    showPicture(event.dataTransfer.files[0]);
  });
  const form = $("maps-form");
  form.onsubmit = event => { event.preventDefault(); showObject(); };
  const showObject = () => {
    const [split, category] = form.category.value.split("/");
    return show("maps/object", JSON.stringify({split, category, seed: +form.seed.value}));
  };
  return showObject();
}
