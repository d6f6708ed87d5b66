"use strict";

// The token stands behind # in the link: browsers keep that to themselves, so that no log on the way holds it.

async function join() {
  const token = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  const told = document.getElementById("told");
  if (!token) {
    told.textContent = "This link is not whole: open the one that you were given, or ask for another.";
    return;
  }
  try {
    const response = await fetch("/api/join", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token }),
    });
    if (response.ok) location.replace("/");
    else told.textContent = (await response.json()).detail;
  } catch {
    told.textContent = "The server is away: open the link again when it is back.";
  }
}

join();
