"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const make = (name, text, className) => {
    const one = document.createElement(name);
    if (text !== undefined) one.textContent = text;
    if (className) one.className = className;
    return one;
  };
  const put = (one, text) => { if (one.textContent !== text) one.textContent = text; };

  // Times and numbers as a reader wants them.
  const clock = (seconds) => {
    const at = new Date(1000 * seconds), today = new Date().toDateString() === at.toDateString();
    const time = at.toLocaleTimeString("en-GB");
    return today ? time : `${at.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${time}`;
  };
  const lasting = (seconds) => {
    if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
    if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
    return seconds < 129600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} days`;
  };
  const sentence = (text) => (text ? `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}` : "");
  const count = (number, word) => `${number.toLocaleString("en-GB")} ${word}${number === 1 ? "" : "s"}`;

  // Cameras.
  const STATES = { watched: "watched", waiting: "waiting", lost: "lost", stopped: "stopped" };
  const tiles = new Map();
  const inSight = new Set();
  let large = decodeURIComponent(location.hash.slice(1)) || null;
  let state = null;

  const seer = new IntersectionObserver((changes) => {
    changes.forEach((one) => { inSight[one.isIntersecting ? "add" : "delete"](one.target.dataset.camera); });
    retune();
  }, { rootMargin: "150px" });

  const tile = (name) => {
    const root = make("article", undefined, "camera"), view = make("button", undefined, "view");
    const canvas = make("canvas"), why = make("div", undefined, "why"), caption = make("div", undefined, "caption");
    const one = { root, view, canvas, why, number: make("span", "", "number"), word: make("span", "", "state"),
      told: make("span", "", "quiet"), busy: false };
    root.dataset.camera = name;
    view.type = "button";
    view.append(canvas, why);
    view.addEventListener("click", () => enlarge(large === name ? null : name));
    const title = make("h3");
    title.append(one.number, name);
    caption.append(title, one.word, one.told);
    root.append(view, caption);
    seer.observe(root);
    return one;
  };

  const enlarge = (name) => {
    large = name;
    history.replaceState(null, "", name === null ? location.pathname : `#${encodeURIComponent(name)}`);
    if (state) showCameras(state.cameras);
    if (name !== null && tiles.has(name)) tiles.get(name).root.scrollIntoView({ block: "nearest" });
    retune();
  };

  const showCameras = (cameras) => {
    const grid = $("grid"), names = new Set(cameras.map((one) => one.name));
    for (const [name, one] of tiles) {
      if (names.has(name)) continue;
      seer.unobserve(one.root);
      one.root.remove();
      tiles.delete(name);
      inSight.delete(name);
    }
    if (large !== null && !names.has(large)) large = null;
    cameras.forEach((camera, place) => {
      if (!tiles.has(camera.name)) tiles.set(camera.name, tile(camera.name));
      const one = tiles.get(camera.name);
      if (grid.children[place] !== one.root) grid.insertBefore(one.root, grid.children[place] || null);
      one.root.classList.toggle("large", camera.name === large);
      showCamera(one, camera, place);
    });
    grid.className = ["", "one", "few", "few", "few"][cameras.length] ?? (cameras.length > 8 ? "many" : "");
    $("none").hidden = cameras.length > 0;
  };

  const showCamera = (one, camera, place) => {
    const away = document.body.classList.contains("away"), on = camera.status === "watched";
    one.root.classList.toggle("off", !on || away);
    put(one.number, place < 9 ? `${place + 1} ` : "");
    one.word.className = `state ${camera.status}`;
    put(one.word, STATES[camera.status]);
    const facts = on ? [
      camera.faces ? count(camera.faces, "face") : "nobody",
      camera.rate === null ? "" : `${camera.rate.toFixed(camera.rate < 9.95 ? 1 : 0)} a second`,
      camera.latency_ms.p95 ? `${Math.round(camera.latency_ms.p95)} ms` : "",
    ] : [`since ${clock(camera.since)}`];
    if (on && camera.steps.length) facts.push("eased");
    put(one.told, facts.filter(Boolean).join(" · "));
    one.told.title = on ? "faces in view · pictures looked at a second · latency of 95 % of them" : "";
    one.view.setAttribute("aria-label", `${camera.name}, ${STATES[camera.status]}, ${camera.name === large ? "small" : "large"}`);
    const size = camera.size ? `${camera.size[0]} / ${camera.size[1]}` : "16 / 9";
    one.view.style.aspectRatio = camera.name === large || tiles.size === 1 ? size : "";
    const heads = { waiting: "No picture yet", lost: "Camera lost", stopped: "Not watched any more" };
    const text = on ? "" : `${heads[camera.status]}\n${sentence(camera.why)}`;
    if (one.said === text) return;
    one.said = text;
    one.why.replaceChildren(...(on ? [] : [make("b", heads[camera.status]), make("span", sentence(camera.why))]));
  };

  const draw = async (head, bytes) => {
    const one = tiles.get(head.camera);
    if (!one || one.busy || document.hidden) return;
    one.busy = true;
    try {
      const picture = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
      one.canvas.width = picture.width;
      one.canvas.height = picture.height;
      one.canvas.getContext("bitmaprenderer").transferFromImageBitmap(picture);
      one.canvas.dataset.number = head.number;
      one.root.classList.add("seen");
    } catch { /* a damaged picture: the next one comes */ } finally { one.busy = false; }
  };

  // State.
  const show = (told) => {
    state = told;
    showCameras(told.cameras);
    showHealth(told);
    const lost = told.cameras.filter((one) => one.status === "lost" || one.status === "stopped").length;
    const waiting = told.cameras.filter((one) => one.status === "waiting").length;
    const watched = told.cameras.length - lost - waiting;
    const words = [told.cameras.length ? `${watched ? count(watched, "camera") : "No camera"} watched` : "No cameras"];
    if (lost) words.push(`${lost} lost`);
    if (waiting) words.push(`${waiting} waiting`);
    const faces = told.cameras.reduce((sum, one) => sum + (one.status === "watched" ? one.faces : 0), 0);
    const view = watched ? ` ${faces ? count(faces, "face") : "Nobody"} in view.` : "";
    const [calm, often] = $("summary").children;
    put(calm, `${words.join(", ")}.`);
    put(often, view);
    document.title = lost ? `(${lost} lost) Cameras` : "Cameras";
    if (told.event !== newest) refetch();
  };

  const HEALTH = { ok: "all well", degraded: "something needs attention", failing: "vidface does not do its work" };
  const showHealth = (told) => {
    put($("health-word"), HEALTH[told.health.state]);
    $("notes").hidden = !told.health.notes.length;
    const notes = told.health.notes.map((text) => make("li", sentence(text)));
    if ([...$("notes").children].map((one) => one.textContent).join() !== notes.map((one) => one.textContent).join()) {
      $("notes").replaceChildren(...notes);
    }
    put($("foot"), `vidface ${told.version}, running for ${lasting(told.now - told.health.since)}. The page asks nobody but vidface.`);
    if (!document.querySelector("#health details").open) return;
    $("rows").replaceChildren(...told.cameras.map((camera) => {
      const row = make("tr"), name = make("th", camera.name);
      name.scope = "row";
      const dropped = Object.entries(camera.dropped).filter((one) => one[1]);
      const waits = ["p50", "p95", "p99"].map((key) => camera.latency_ms[key]).filter((one) => one !== undefined);
      const cells = [
        [`${STATES[camera.status]} since ${clock(camera.since)}`],
        [camera.size ? `${camera.size.join(" × ")}${camera.rate && camera.status === "watched" ? `, ${camera.rate} a second` : ""}` : "none"],
        [camera.frames.toLocaleString("en-GB")],
        [dropped.map(([why, number]) => `${number.toLocaleString("en-GB")} ${why}`).join("; ") || "none", "wide"],
        [waits.length ? `${waits.map((one) => Math.round(one)).join(", ")} ms` : "not measured"],
        [String(camera.connections)],
        [camera.recording || "none", "wide"],
        [camera.steps.join("; ") || "nothing", "wide"],
      ];
      row.append(name, ...cells.map(([text, className]) => make("td", text, className)));
      return row;
    }));
  };

  // Events.
  let newest, filter = "all", events = [], asking = false;
  const PATHS = {
    lost: "M3 7h11v10H3zM14 10l6-3v10l-6-3M3 3l18 18", back: "M3 7h11v10H3zM14 10l6-3v10l-6-3",
    face: "M12 12a4 4 0 1 0 0-8a4 4 0 0 0 0 8M4 20c1-5 15-5 16 0",
  };
  const sign = (name) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", PATHS[name]);
    svg.append(path);
    return svg;
  };
  const words = (event) => {
    const who = event.name || "Somebody", stayed = event.duration_s ? ` after ${lasting(event.duration_s)}` : "";
    switch (event.kind) {
      case "track_started": return [event.name || "A face", "came into view"];
      case "track_identified": return [event.name || "Somebody", event.before ? `recognised, before: ${event.before}` : "recognised"];
      case "track_left": return [who, `left${stayed}`];
      case "unknown_lingering": return ["Unknown person", event.duration_s ? `has been here for ${lasting(event.duration_s)}` : "stays"];
      case "camera_lost": return ["Camera lost", event.cause || ""];
      case "camera_back": return ["Camera is back", event.lost_s ? `after ${lasting(event.lost_s)}` : ""];
      default: return [String(event.kind).replaceAll("_", " "), ""];
    }
  };
  const ofCamera = (event) => String(event.kind).startsWith("camera_");
  const item = (event) => {
    const row = make("li"), text = make("div"), [head, tail] = words(event);
    const what = make("p"), where = make("p", undefined, "quiet");
    what.append(make("b", head));
    where.append([event.camera, tail].filter(Boolean).join(" · "));
    text.append(what, where);
    const time = make("time", clock(Date.parse(event.at) / 1000));
    time.dateTime = event.at;
    let face;
    if (event.shot) {
      face = make("button", undefined, "face");
      const picture = make("img");
      face.type = "button";
      picture.loading = "lazy";
      picture.alt = `${head}: best picture, large`;
      picture.src = address(event.shot);
      picture.addEventListener("error", () => { face.replaceWith(plainSign("face")); });
      face.append(picture);
      face.addEventListener("click", () => enlargeShot(event, head, tail));
    } else face = ofCamera(event) ? plainSign(event.kind === "camera_lost" ? "lost" : "back") : plainSign("face");
    row.append(face, text, time);
    row.dataset.number = event.number;
    return row;
  };
  const plainSign = (name) => {
    const one = make("span", undefined, `sign ${{ lost: "against", back: "for" }[name] || ""}`);
    one.append(sign(name));
    return one;
  };
  const address = (shot) => `/shots/${shot.split("/").map(encodeURIComponent).join("/")}`;

  const enlargeShot = (event, head, tail) => {
    put($("shot-title"), head);
    $("shot-picture").src = address(event.shot);
    $("shot-picture").alt = `Best picture of ${head}`;
    const facts = { What: tail, Camera: event.camera, When: clock(Date.parse(event.at) / 1000), Track: event.track };
    if (typeof event.similarity === "number") facts.Similarity = event.similarity.toFixed(2).replace("-", "\u2212");
    if (typeof event.quality === "number") facts["Picture quality"] = event.quality.toFixed(2);
    const rows = Object.entries(facts).filter((one) => one[1]).map(([name, value]) => {
      const row = make("div");
      row.append(make("dt", name), make("dd", String(value)));
      return row;
    });
    $("shot-facts").replaceChildren(...rows);
    $("shot").showModal();
  };

  const showEvents = () => {
    const some = events.filter((one) => filter === "all" || (filter === "cameras") === ofCamera(one));
    const list = $("list"), kept = new Map([...list.children].map((one) => [one.dataset.number, one]));
    const rows = some.map((one) => kept.get(String(one.number)) || item(one));
    if (rows.length !== list.children.length || rows.some((one, n) => one !== list.children[n])) list.replaceChildren(...rows);
    $("quiet").hidden = some.length > 0;
    put($("quiet"), events.length ? "Nothing of that kind lately." : "Nothing has happened yet.");
  };
  const refetch = async () => {
    if (asking) return;
    asking = true;
    try {
      const wanted = state.event;
      const answer = await fetch("/api/events?limit=80", { cache: "no-store" });
      if (answer.ok) { events = (await answer.json()).events; newest = wanted; showEvents(); }
    } catch { /* the stream will say that nobody answers */ } finally { asking = false; }
  };

  // The one connection: states and pictures.
  let ending = new AbortController(), tuned = null, timer = 0, heard = 0, silentSince = 0;
  const wish = () => {
    const most = new URLSearchParams();
    if (document.hidden) return most;
    for (const [name, one] of tiles) {
      if (!inSight.has(name)) continue;
      const wide = one.root.clientWidth * Math.min(devicePixelRatio, 2);
      most.append(wide > 700 ? "large" : "camera", name);
    }
    return most;
  };
  const retune = () => {
    clearTimeout(timer);
    timer = setTimeout(() => { if (tuned !== null && tuned !== wish().toString()) ending.abort(); }, 120);
  };
  const lost = () => {
    if (!silentSince) silentSince = Date.now() / 1000;
    document.body.classList.add("away");
    document.querySelectorAll(".camera").forEach((one) => one.classList.add("off"));
    put($("away"), `vidface has not answered since ${clock(silentSince)}. What is shown is older; the page tries again.`);
    $("away").hidden = false;
  };
  const found = () => {
    silentSince = 0;
    heard = Date.now();
    document.body.classList.remove("away");
    $("away").hidden = true;
  };
  const take = (head, body) => {
    if (head.state) { found(); show(head.state); } else draw(head, body);
  };
  const listen = async (signal) => {
    tuned = wish().toString();
    const answer = await fetch(`/api/live?${tuned}`, { signal, cache: "no-store" });
    if (answer.status === 401) { location.reload(); return; }
    if (!answer.ok) throw new Error((await answer.json()).error);
    const reader = answer.body.getReader();
    let rest = new Uint8Array(0), head = null;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const joined = new Uint8Array(rest.length + value.length);
      joined.set(rest);
      joined.set(value, rest.length);
      rest = joined;
      for (;;) {
        if (head === null) {
          const end = rest.indexOf(10);
          if (end < 0) break;
          head = JSON.parse(new TextDecoder().decode(rest.subarray(0, end)));
          rest = rest.slice(end + 1);
        }
        const size = head.bytes || 0;
        if (rest.length < size) break;
        take(head, rest.slice(0, size));
        rest = rest.slice(size);
        head = null;
      }
    }
  };
  const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });
  const go = async () => {
    for (;;) {
      ending = new AbortController();
      try { await listen(ending.signal); } catch { /* aborted on purpose, or nobody there */ }
      if (!ending.signal.aborted) { lost(); await pause(2000); }
    }
  };
  setInterval(() => { if (heard && Date.now() - heard > 15000) { lost(); ending.abort(); heard = Date.now(); } }, 1000);
  document.addEventListener("visibilitychange", retune);
  addEventListener("resize", retune);

  // Keys, buttons, light.
  const step = (by) => {
    const views = [...document.querySelectorAll(".view")];
    if (!views.length) return;
    const place = views.indexOf(document.activeElement);
    const next = views[place < 0 ? 0 : (place + by + views.length) % views.length];
    next.focus();
    if (large !== null) enlarge(next.parentElement.dataset.camera);
  };
  const THEMES = ["system", "light", "dark"];
  const theme = (name) => {
    if (name === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
    $("theme").dataset.name = name;
    put($("theme"), { system: "Light or dark", light: "Light", dark: "Dark" }[name]);
    $("theme").title = name === "system" ? "as the system; click to choose" : "click for another";
    try { localStorage.setItem("vidface-theme", name); } catch { /* not kept */ }
  };
  const turn = () => theme(THEMES[(THEMES.indexOf($("theme").dataset.name) + 1) % THEMES.length]);
  let chosen = "system";
  try { chosen = localStorage.getItem("vidface-theme") || chosen; } catch { /* not kept */ }
  theme(THEMES.includes(chosen) ? chosen : "system");
  $("theme").addEventListener("click", turn);
  $("keys").addEventListener("click", () => $("help").showModal());
  document.querySelectorAll("[data-filter]").forEach((button) => {
    button.addEventListener("click", () => {
      filter = button.dataset.filter;
      document.querySelectorAll("[data-filter]").forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
      showEvents();
    });
  });
  document.querySelector("#health details").addEventListener("toggle", () => { if (state) showHealth(state); });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]")) return;
    const names = [...tiles.keys()], health = document.querySelector("#health details");
    if (/^[1-9]$/.test(event.key)) {
      const name = (state ? state.cameras.map((one) => one.name) : names)[Number(event.key) - 1];
      if (name === undefined) return;
      enlarge(large === name ? null : name);
      tiles.get(name).view.focus();
    } else if (event.key === "ArrowRight") step(1);
    else if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "Escape" && large !== null) enlarge(null);
    else if (event.key === "e") $("events").focus();
    else if (event.key === "h") { health.open = !health.open; health.scrollIntoView({ block: "nearest" }); }
    else if (event.key === "d") turn();
    else if (event.key === "?") $("help").showModal();
    else return;
    event.preventDefault();
  });
  showEvents();
  $("quiet").hidden = true;
  go();
})();
