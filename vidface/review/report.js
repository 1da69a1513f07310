"use strict";
(() => {
  const video = document.querySelector("video");
  const closed = () => document.querySelectorAll("details:not(.folded):not([open])");
  let opened = [];
  addEventListener("beforeprint", () => { opened = [...closed()]; opened.forEach((one) => { one.open = true; }); });
  addEventListener("afterprint", () => { opened.forEach((one) => { one.open = false; }); });
  if (!video) return;

  const told = JSON.parse(document.getElementById("data").textContent);
  const slider = document.getElementById("seek");
  const output = document.getElementById("now");
  const button = document.getElementById("play");
  const mark = document.getElementById("mark");
  const layer = document.querySelector(".boxes");
  const first = Number(slider.min);
  const last = Number(slider.max);
  const cursors = [...document.querySelectorAll(".cursor")];
  const frame = 1 / told.rate;
  let wanted = null, again = 0;

  const clock = (t) => {
    const m = Math.floor(t / 60), s = t - 60 * m;
    return m ? `${m}:${s.toFixed(2).padStart(5, "0")}` : `${s.toFixed(2)} s`;
  };
  const time = () => (wanted === null ? video.currentTime + told.first : wanted);

  const faces = told.tracks.map((one) => {
    const box = document.createElement("span");
    box.dataset.name = `${one.track} ${one.opinion}`;
    box.hidden = true;
    layer.append(box);
    return { ...one, box };
  });
  const place = (one, t) => {
    let low = 0, high = one.times.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (one.times[middle] <= t + 1e-3) low = middle; else high = middle - 1;
    }
    const t0 = one.times[low], next = Math.min(low + 1, one.times.length - 1), t1 = one.times[next];
    if (t < t0 - 0.25 || t > Math.max(t0 + 0.4, t1 - t0 < 1 ? t1 : 0)) return null;
    const share = t1 - t0 > 0 && t1 - t0 < 1 ? Math.min(1, Math.max(0, (t - t0) / (t1 - t0))) : 0;
    return one.boxes[low].map((value, n) => value + share * (one.boxes[next][n] - value));
  };
  const show = () => {
    const t = time();
    const at = `${Math.min(100, Math.max(0, 100 * (t - first) / Math.max(last - first, 1e-6)))}%`;
    cursors.forEach((one) => { one.setAttribute("x1", at); one.setAttribute("x2", at); });
    slider.value = t;
    slider.setAttribute("aria-valuetext", clock(t));
    output.textContent = clock(t);
    faces.forEach((one) => {
      const box = mark.checked ? place(one, t) : null;
      one.box.hidden = box === null;
      if (box === null) return;
      one.box.style.left = `${100 * box[0]}%`;
      one.box.style.top = `${100 * box[1]}%`;
      one.box.style.width = `${100 * (box[2] - box[0])}%`;
      one.box.style.height = `${100 * (box[3] - box[1])}%`;
    });
  };
  const seek = (t) => {
    wanted = Math.min(last, Math.max(first, t));
    again = 0;
    document.body.classList.add("live");
    if (video.readyState > 0) {
      // A little behind the frame's own time: players round, and would show the one before.
      video.currentTime = Math.max(0, wanted - told.first + 1e-3);
    }
    document.body.dataset.time = wanted.toFixed(3);
    show();
  };
  const follow = () => {
    show();
    if (!video.paused && !video.ended) requestAnimationFrame(follow);
  };
  const toggle = () => { if (video.paused) video.play().catch(lost); else video.pause(); };
  const lost = () => { document.querySelector(".lost").hidden = false; };

  video.addEventListener("error", lost);
  video.addEventListener("loadedmetadata", () => { document.body.dataset.video = "ready"; if (wanted !== null) seek(wanted); });
  video.addEventListener("seeked", () => {
    // A file that begins late makes the player seek by itself, which may end a wish that came before.
    if (wanted !== null && again < 3 && Math.abs(video.currentTime + told.first - wanted) > 0.1) {
      again += 1;
      video.currentTime = wanted - told.first + 1e-3;
      return;
    }
    wanted = null;
    show();
  });
  video.addEventListener("play", () => { wanted = null; button.textContent = "Pause"; document.body.classList.add("live"); follow(); });
  video.addEventListener("pause", () => { button.textContent = "Play"; show(); });
  if (video.error) lost();
  button.addEventListener("click", toggle);
  mark.addEventListener("change", show);
  slider.addEventListener("input", () => seek(Number(slider.value)));
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const given = target && target.closest("[data-seek]");
    const plot = target && target.closest("svg.plot");
    if (given) seek(Number(given.dataset.seek));
    if (plot) {
      const area = plot.getBoundingClientRect();
      seek(first + (last - first) * (event.clientX - area.left) / Math.max(area.width, 1));
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, button, summary, a, pre, .scroll")) return;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === " ") toggle();
    else if (step) { video.pause(); seek(time() + step * (event.shiftKey ? 1 : frame)); }
    else return;
    event.preventDefault();
  });
  show();
})();
