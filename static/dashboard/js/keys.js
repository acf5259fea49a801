// Keyboard first: places by number, the palette, the kill switch, the filter, neighbours, and help.
let isOpen = false;

const inField = (target) => target.closest?.("input, textarea, select, [contenteditable], dialog");
const singleKeys = () => !document.cookie.includes("keys=off");

export function listenToKeys({ openPalette }) {
  document.querySelector("[data-open=palette]")?.addEventListener("click", openPalette);
  addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      return openPalette();
    }
    if (event.ctrlKey || event.metaKey || event.altKey || inField(event.target) || !singleKeys()) return;
    press(event.key, event);
  });
}

function press(key, event) {
  if (isOpen && /^[0-9]$/.test(key)) return chooseLevel(key);
  isOpen = false;
  if (/^[1-9]$/.test(key)) return document.querySelectorAll(".places a")[Number(key) - 1]?.click();
  if (key.toLowerCase() === "k") return openKillSwitch();
  if (key === "/") return focusFilter(event);
  if (key === "[" || key === "]") return document.querySelector(`[data-key-hint="${key}"]`)?.click();
  if (key === "?") document.getElementById("help")?.showModal();
}

function openKillSwitch() {
  const level = document.querySelector("#kill-switch button");
  if (!level) return (location.href = "/#kill-switch");
  isOpen = true;
  level.focus();
}

function chooseLevel(number) {
  isOpen = false;
  const found = [...document.querySelectorAll("#kill-switch kbd")].find((kbd) => kbd.textContent === number);
  found?.closest("button")?.click();
}

function focusFilter(event) {
  const field = document.querySelector(".filters input:not([type=hidden])");
  if (!field) return;
  event.preventDefault();
  field.focus();
}
