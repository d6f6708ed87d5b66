"use strict";

// The pairs that this page holds: the one that is shown stands first. Answers go through an outbox in the browser's
// storage, oldest first, and leave it when the server has them on disk; so nothing is lost while the server is away.

const AHEAD = 4;
const POLL_MS = 2000;
const RENEW_MS = 45000;
const RETRY_MS = [500, 1000, 2000, 5000, 10000];
const LATER = [401, 403, 408, 429]; // refusals that say nothing against the answer itself
const SPEEDS = [0.25, 0.5, 1, 2, 4];
const OUTBOX = "rlhp-outbox";
const KEYS = { ArrowLeft: "left", ArrowRight: "right", ArrowDown: "equal", ArrowUp: "skip", " ": "skip" };

const part = (id) => document.getElementById(id);
const token = document.querySelector("meta[name=rlhp-token]").content;
const videos = [part("left"), part("right")];
const wantsStillness = matchMedia("(prefers-reduced-motion: reduce)").matches;

let held = [];
let answered = new Set();
let outbox = JSON.parse(localStorage.getItem(OUTBOX) || "[]");
let shown = null;
let shownAt = 0;
let playing = !wantsStillness;
let speed = 2;
let framesPerSecond = 30;
let failures = 0;
let facts = {};
let sending = false;
let filling = false;

async function call(path, body) {
  const options = body === undefined ? {} : {
    method: "POST",
    headers: { "content-type": "application/json", "x-rlhp-token": token },
    body: JSON.stringify(body),
  };
  const response = await fetch(path, options);
  if (response.ok) return response;
  const refusal = new Error((await response.json().catch(() => ({}))).detail || response.statusText);
  refusal.status = response.status;
  throw refusal;
}

const isRefusal = (error) => error.status >= 400 && error.status < 500 && !LATER.includes(error.status);

function newSubmission() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const retryAfter = () => RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)];

function keepOutbox() {
  localStorage.setItem(OUTBOX, JSON.stringify(outbox));
}

async function sendOutbox() {
  if (sending) return;
  sending = true;
  let delayed = false;
  while (outbox.length) {
    const first = outbox[0];
    try {
      await call("/api/answers", first);
      failures = 0;
      if (delayed) tell(""); // what else is told stays until the next answer
      delayed = false;
    } catch (error) {
      const refused = isRefusal(error);
      if (error.status === 401) {
        tell("Your invitation has ended: ask for another link. Your answers are kept.");
      } else if (error.status === 403) {
        tell("The server does not know this page any more: load it again. Your answers are kept.");
      } else if (refused) {
        tell(error.message);
      } else if (error.status === 503) {
        tell(`${error.message} ${outbox.length} of your answers are kept here and sent again.`);
      } else {
        tell(`The server is away. ${outbox.length} of your answers are kept here and sent when it is back.`);
      }
      if (!refused) {
        delayed = true;
        await pause(retryAfter());
        continue;
      }
    }
    outbox = outbox.filter((entry) => entry.submission !== first.submission);
    keepOutbox();
  }
  sending = false;
  refreshState();
}

async function fill() {
  if (filling || held.length >= AHEAD) return;
  filling = true;
  try {
    const found = await (await call("/api/lease", { count: AHEAD })).json();
    for (const query of found.queries) {
      if (held.some((other) => other.id === query.id) || answered.has(query.id)) continue;
      let sources;
      try {
        sources = await Promise.all([query.left, query.right].map(loaded));
      } catch (error) {
        if (!isRefusal(error)) throw error;
        tell(`A pair that cannot be shown was skipped: ${error.message}`);
        record(query, "skip", 0);
        sendOutbox();
        continue;
      }
      held.push({ ...query, sources });
      if (!shown) showNext();
    }
    failures = 0;
  } catch (error) {
    if (error.status) tell(error.message);
  }
  filling = false;
  if (!shown) showNext();
}

async function loaded(clip) {
  const response = await call(`/api/clips/${clip}.mp4`);
  return URL.createObjectURL(await response.blob());
}

function showNext() {
  shown = held[0] || null;
  const has = shown !== null;
  for (const id of ["pair", "player"]) part(id).hidden = !has;
  part("answers").hidden = !has && !answered.size;
  part("waiting").hidden = has;
  for (const id of ["equal", "skip"]) part(id).hidden = !has;
  if (!has) {
    describeWaiting();
    return;
  }
  if (document.hidden) document.title = "Clips to compare";
  shownAt = performance.now();
  shown.sources.forEach((source, side) => {
    videos[side].src = source;
    videos[side].playbackRate = SPEEDS[speed];
  });
  playBoth();
}

function playBoth() {
  part("play").textContent = playing ? "pause" : "play";
  part("play").setAttribute("aria-pressed", String(playing));
  for (const video of videos) {
    if (playing) video.play().catch(() => {});
    else video.pause();
  }
}

function startOver() {
  if (!shown || !videos.every((video) => video.ended)) return;
  for (const video of videos) video.currentTime = 0;
  if (playing) playBoth();
}

function keepInStep() {
  const [left, right] = videos;
  if (!left.ended && !right.ended && Math.abs(left.currentTime - right.currentTime) > 0.1) {
    right.currentTime = left.currentTime;
  }
}

function stepFrames(count) {
  playing = false;
  playBoth();
  for (const video of videos) {
    const last = Math.max(0, (video.duration || 0) - 0.5 / framesPerSecond);
    video.currentTime = Math.min(last, Math.max(0, video.currentTime + count / framesPerSecond));
  }
}

function changeSpeed(by) {
  speed = Math.min(SPEEDS.length - 1, Math.max(0, speed + by));
  for (const video of videos) video.playbackRate = SPEEDS[speed];
  part("speed").textContent = `${SPEEDS[speed]}×`;
}

function record(query, choice, seconds) {
  outbox.push({ submission: newSubmission(), query: query.id, answer: choice, seconds });
  keepOutbox();
  answered.add(query.id);
}

function answer(choice) {
  if (!shown) return;
  const query = shown;
  if (!outbox.length) tell("");
  record(query, choice, Math.min(86400, (performance.now() - shownAt) / 1000));
  held.shift();
  query.sources.forEach((source) => URL.revokeObjectURL(source));
  showNext();
  sendOutbox();
  fill();
}

async function undo() {
  if (sending && outbox.length === 1) await pause(50);
  const unsent = outbox.length > 1 || (outbox.length === 1 && !sending) ? outbox.pop() : null;
  try {
    let query = null;
    if (unsent) {
      keepOutbox();
      answered.delete(unsent.query);
      const found = await (await call("/api/lease", { count: AHEAD })).json();
      query = found.queries.find((each) => each.id === unsent.query) || null;
    } else {
      query = (await (await call("/api/undo", { submission: newSubmission() })).json()).query;
    }
    if (!query) {
      tell("There is nothing to undo: the run has learnt from your last answer already.");
      return;
    }
    answered.delete(query.id);
    const sources = await Promise.all([query.left, query.right].map(loaded));
    held = held.filter((other) => other.id !== query.id);
    held.unshift({ ...query, sources });
    tell("Your last answer is taken back.");
    showNext();
  } catch (error) {
    tell(error.status ? error.message : "The server is away: undo it when it is back.");
  }
}

function tell(text) {
  if (part("status").textContent !== text) part("status").textContent = text;
}

async function refreshState() {
  try {
    facts = await (await call("/api/state")).json();
  } catch {
    return;
  }
  part("episode").hidden = !facts.total_env_steps; // saved clips have no episodes
  if (facts.instruction) part("instruction").textContent = facts.instruction;
  framesPerSecond = facts.frames_per_second || framesPerSecond;
  const budget = facts.budget || facts.answered + facts.waiting;
  part("bar").max = Math.max(1, budget);
  part("bar").value = facts.answered;
  const wanted = facts.waiting ? `, ${facts.waiting} wanted now` : "";
  const pace = facts.per_minute ? `, ${facts.per_minute.toFixed(0)} a minute` : "";
  part("counts").textContent = `${facts.answered} of ${budget} answered${wanted}; ${facts.own} by you${pace}`;
  if (!shown) describeWaiting();
}

function describeWaiting() {
  const steps = facts.total_env_steps ? `The run is at ${(facts.env_steps || 0).toLocaleString("en")} of `
    + `${facts.total_env_steps.toLocaleString("en")} env steps.` : "";
  let title = "Nothing to label just now";
  let text = `New pairs come as the agent learns. ${steps}`;
  if (facts.ended) {
    title = "The run has ended";
    text = "Thank you. All answers are stored; this page can be closed.";
  } else if (facts.env_steps === undefined && facts.total_env_steps) {
    title = "The run is starting";
    text = "The first clips come from an agent that acts at random.";
  }
  part("waiting-title").textContent = title;
  part("waiting-text").textContent = text;
  document.title = "rlhp: label";
}

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (event.target instanceof HTMLVideoElement) return; // that of the episode has controls of its own
  const isPressed = event.target instanceof HTMLButtonElement || event.target.tagName === "SUMMARY";
  if (event.key === " " && isPressed && event.target.id !== "skip") return;
  const actions = {
    Backspace: undo,
    p: () => part("play").click(),
    ",": () => stepFrames(-1),
    ".": () => stepFrames(1),
    "-": () => changeSpeed(-1),
    "+": () => changeSpeed(1),
  };
  const action = KEYS[event.key] ? () => answer(KEYS[event.key]) : actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}

function watch() {
  document.addEventListener("keydown", onKey);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) document.title = "rlhp: label"; });
  for (const video of videos) {
    video.addEventListener("ended", startOver);
    video.addEventListener("timeupdate", keepInStep);
  }
  part("choose-left").addEventListener("click", () => answer("left"));
  part("choose-right").addEventListener("click", () => answer("right"));
  part("equal").addEventListener("click", () => answer("equal"));
  part("skip").addEventListener("click", () => answer("skip"));
  part("undo").addEventListener("click", undo);
  part("play").addEventListener("click", () => { playing = !playing; playBoth(); });
  part("back").addEventListener("click", () => stepFrames(-1));
  part("forward").addEventListener("click", () => stepFrames(1));
  part("slower").addEventListener("click", () => changeSpeed(-1));
  part("faster").addEventListener("click", () => changeSpeed(1));
  addEventListener("online", () => { failures = 0; });
  setInterval(() => { refreshState(); fill(); }, POLL_MS);
  setInterval(() => call("/api/lease", { count: AHEAD }).catch(() => {}), RENEW_MS);
}

answered = new Set(outbox.map((entry) => entry.query));
watch();
sendOutbox();
fill();
