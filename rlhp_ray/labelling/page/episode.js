"use strict";

// The panel with the newest whole episode: nothing is fetched until it is opened, the one that is looked at stays until
// a newer one is asked for, and its true return is told to whoever asks for it.

const EPISODE_POLL_MS = 5000;

let watched = null;
let newest = null;

async function lookForEpisode() {
  if (!part("episode").open) return;
  try {
    newest = (await (await call("/api/episode")).json()).episode;
  } catch (error) {
    if (error.status) part("episode-text").textContent = error.message;
    return;
  }
  if (newest && !watched) await watchNewest();
  part("episode-newer").hidden = !newest || !watched || newest.id === watched.id;
}

async function watchNewest() {
  const episode = newest;
  let response;
  let video;
  try {
    response = await call(`/api/episodes/${episode.id}.mp4`);
    video = await response.blob();
  } catch (error) {
    if (error.status !== 409) part("episode-text").textContent = error.status ? error.message : "The server is away.";
    return; // 409: there is a newer one, which the next look finds
  }
  watched = episode;
  const old = part("episode-video").src;
  part("episode-video").src = URL.createObjectURL(video);
  if (old) URL.revokeObjectURL(old);
  if (!wantsStillness) part("episode-video").play().catch(() => {});
  const whole = episode.shown_env_steps === episode.env_steps ? "" : `, of which the first ${episode.shown_env_steps}`;
  const grey = response.headers.get("x-rlhp-picture") === "grey"
    ? " It cannot be played again in colour: these are the frames that the agent sees." : "";
  part("episode-text").textContent = `${episode.env_steps.toLocaleString("en")} env steps${whole}, by the agent of env `
    + `step ${episode.run_env_steps.toLocaleString("en")}.${grey}`;
  part("episode-return").textContent = "show its true return";
  part("episode-return").disabled = false;
  part("episode-figure").hidden = false;
  part("episode-newer").hidden = true;
}

async function tellReturn() {
  try {
    const told = (await (await call(`/api/episodes/${watched.id}/true_return`)).json()).true_return;
    part("episode-return").textContent = told === null ? "not known any more" : `true return ${told.toFixed(1)}`;
    part("episode-return").disabled = true;
  } catch (error) {
    part("episode-text").textContent = error.status ? error.message : "The server is away.";
  }
}

part("episode").addEventListener("toggle", lookForEpisode);
part("episode-newer").addEventListener("click", watchNewest);
part("episode-return").addEventListener("click", tellReturn);
setInterval(lookForEpisode, EPISODE_POLL_MS);
