"use strict";
(() => {
  const page = document.documentElement;
  const at = (id) => document.getElementById(id);
  const data = JSON.parse(at("data").textContent);
  const viewer = at("viewer");
  const canvas = viewer.querySelector(".frame canvas");
  const state = { nv: null, subject: null, images: new Map(), outputs: new Map(), shown: null, turn: 0 };

  // What goes wrong is kept on the page, where a test or a puzzled reader finds it.
  const complain = (text) => { page.dataset.errors = [page.dataset.errors, text].filter(Boolean).join(" | "); };
  window.addEventListener("error", (e) => complain(e.message));
  window.addEventListener("unhandledrejection", (e) => complain(String(e.reason)));
  document.addEventListener("securitypolicyviolation", (e) => complain(`${e.violatedDirective} ${e.blockedURI}`));

  const lacking = () => {
    if (!at("engine")) return "This report was written without its interactive viewer.";
    if (typeof DecompressionStream === "undefined") return "This browser is too old for the interactive viewer; the pictures show the same scans.";
    if (!document.createElement("canvas").getContext("webgl2")) return "This browser offers no WebGL 2; the pictures show the same scans.";
    return "";
  };

  const unpack = async (id) => {
    const bytes = Uint8Array.from(atob(at(id).textContent.trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).arrayBuffer();
  };

  let starting = null;
  const start = () => (starting ??= (async () => {
    const url = URL.createObjectURL(new Blob([await unpack("engine")], { type: "text/javascript" }));
    const engine = await import(url);
    URL.revokeObjectURL(url);
    for (const [name, table] of Object.entries(data.colours)) engine.cmapper.addColormap(`acadiff-${name}`, table);
    const nv = new engine.Niivue({
      logLevel: "silent", dragAndDropEnabled: false, isColorbar: false, backColor: [0, 0, 0, 1],
      crosshairColor: [0.4, 0.75, 1, 0.9], crosshairWidth: 0.6, crosshairWidthUnit: "mm", crosshairGap: 6,
      fontColor: [0.65, 0.68, 0.71, 1], fontMinPx: 12, fontSizeScaling: 0.3, loadingText: "",
      multiplanarEqualSize: false, multiplanarPadPixels: 12, scrollRequiresFocus: true,
    });
    nv.onLocationChange = (place) => read(place.mm);
    await nv.attachToCanvas(canvas);
    nv.setSliceType(nv.sliceTypeMultiplanar);
    nv.setMultiplanarLayout(3);
    nv.opts.multiplanarShowRender = 0;
    state.nv = nv;
    state.engine = engine;
  })());

  const load = async (layer) => {
    const key = layer.volumes.join(" ");
    if (state.images.has(key)) return state.images.get(key);
    const parts = [];
    for (const id of layer.volumes) {
      parts.push(await state.engine.NVImage.loadFromBase64({ base64: at(id).textContent.trim(), name: `${id}.nii.gz` }));
    }
    const image = parts.length > 1 ? difference(...parts) : parts[0];
    // The colour map must come first: setting it makes NiiVue guess a window of its own.
    image.colormap = `acadiff-${layer.colours}`;
    image.cal_min = image.robust_min = layer.low;
    image.cal_max = image.robust_max = layer.high;
    state.images.set(key, image);
    return image;
  };

  const difference = (image, other) => {
    const value = (from, n) => from.img[n] * from.hdr.scl_slope + from.hdr.scl_inter;
    const result = Float32Array.from(image.img, (_, n) => value(image, n) - value(other, n));
    image.img = result;
    Object.assign(image.hdr, { datatypeCode: 16, numBitsPerVoxel: 32, scl_slope: 1, scl_inter: 0 });
    return image;
  };

  const show = async (layer) => {
    const turn = ++state.turn;
    const image = await load(layer);
    if (turn !== state.turn) return;
    const { nv } = state;
    const first = state.shown === null;
    for (const old of [...nv.volumes]) nv.removeVolume(old);
    nv.addVolume(image);
    state.shown = image;
    at("word").textContent = layer.word;
    ruler(layer);
    if (first) look(-6, -22, 12);
    nv.drawScene();
    page.dataset.viewer = drawn() ? "drawn" : "blank";
    read(nv.frac2mm(nv.scene.crosshairPos));
  };

  const look = (...mm) => { state.nv.scene.crosshairPos = state.nv.mm2frac(mm); };

  // Must follow drawScene at once: the browser clears the buffer when it has shown it.
  const drawn = () => {
    const gl = state.nv.gl;
    const pixels = new Uint8Array(4 * gl.drawingBufferWidth * gl.drawingBufferHeight);
    gl.readPixels(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    let lit = 0;
    for (let n = 0; n < pixels.length; n += 4) lit += pixels[n] + pixels[n + 1] + pixels[n + 2] > 60;
    return lit > pixels.length / 4 / 100;
  };

  const minus = (text) => text.replaceAll("-", "−");
  const number = (value) => minus(Number(value.toPrecision(3)).toString());
  const reading = (value, layer) => {
    const decimals = Math.min(4, Math.max(0, 2 - Math.floor(Math.log10(layer.high))));
    return minus((Number(value.toFixed(decimals)) + 0).toFixed(decimals));
  };

  const ruler = (layer) => {
    const table = data.colours[layer.colours];
    const pen = at("ramp").getContext("2d");
    for (let x = 0; x < 240; x += 1) {
      const n = Math.min(table.R.length - 1, Math.floor(x / 240 * table.R.length));
      pen.fillStyle = `rgb(${table.R[n]} ${table.G[n]} ${table.B[n]})`;
      pen.fillRect(x, 0, 1, 1);
    }
    at("low").textContent = number(layer.low);
    at("high").textContent = number(layer.high);
    at("unit").textContent = layer.unit === "arbitrary" ? "a.u." : layer.unit;
  };

  const read = (mm) => {
    if (!state.subject) return;
    at("where").textContent = minus(`x ${mm[0].toFixed(0)}, y ${mm[1].toFixed(0)}, z ${mm[2].toFixed(0)} mm`);
    const spot = [mm[0], mm[1], mm[2]];
    for (const [layer, output] of state.outputs) {
      const image = state.images.get(layer.volumes.join(" "));
      output.textContent = image ? reading(image.getValue(...image.mm2vox(spot)), layer) : "…";
    }
  };

  const choices = (layers, chosen) => {
    const sets = new Map();
    state.outputs.clear();
    for (const layer of layers) {
      if (!sets.has(layer.group)) {
        const set = document.createElement("fieldset");
        set.append(Object.assign(document.createElement("legend"), { textContent: layer.group }));
        sets.set(layer.group, set);
      }
      const input = Object.assign(document.createElement("input"), { type: "radio", name: "layer", checked: layer === chosen });
      input.addEventListener("change", () => show(layer));
      const output = document.createElement("output");
      const label = document.createElement("label");
      label.append(input, layer.title.replace(/^Acquired /, ""), output);
      sets.get(layer.group).append(label);
      state.outputs.set(layer, output);
    }
    viewer.querySelector(".choices").replaceChildren(...sets.values());
  };

  const open = async (subject, volumes) => {
    const layers = data.subjects[subject] ?? [];
    const slot = [...document.querySelectorAll(".slot")].find((s) => s.dataset.subject === subject);
    if (!slot || !layers.length) return;
    const layer = layers.find((l) => l.volumes.join(" ") === volumes) ?? layers.find((l) => l.kind === "mean") ?? layers[0];
    if (state.subject !== subject) state.images.clear();
    state.subject = subject;
    choices(layers, layer);
    slot.append(viewer);
    viewer.hidden = false;
    viewer.scrollIntoView({ block: "nearest" });
    const reason = lacking();
    at("status").textContent = reason || "Opening …";
    if (reason) { page.dataset.viewer = "unavailable"; return; }
    await start();
    await show(layer);
    at("status").textContent = "";
    for (const other of layers) await load(other);
    read(state.nv.frac2mm(state.nv.scene.crosshairPos));
  };

  for (const button of document.querySelectorAll("button.open")) {
    button.addEventListener("click", () => open(button.dataset.subject, button.dataset.volumes));
  }
  at("shut").addEventListener("click", () => { viewer.hidden = true; });
  at("solid").addEventListener("change", (e) => {
    if (!state.nv) return;
    state.nv.opts.multiplanarShowRender = e.target.checked ? 1 : 0;
    state.nv.drawScene();
  });
  at("blocky").addEventListener("change", (e) => state.nv?.setInterpolation(e.target.checked));
  window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = false; }));

  // report.html#view=sub-X opens the viewer at once.
  const asked = () => {
    const match = /^#view=(.+)$/.exec(location.hash);
    if (match) open(decodeURIComponent(match[1]));
  };
  window.addEventListener("hashchange", asked);
  asked();
})();
