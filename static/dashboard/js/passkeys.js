// Passkeys are the browser's and the library's; here stands in words what kept one from being made or shown.
const trouble = document.getElementById("passkey-trouble");
const buttons = document.querySelectorAll("[data-passkey]");

function say(words) {
  trouble.textContent = words;
}

if (!window.PublicKeyCredential) {
  buttons.forEach((button) => { button.disabled = true; });
  say("Passkeys need https, or the address localhost.");
} else if (/^[\d.]+$|^\[/.test(location.hostname)) {
  buttons.forEach((button) => { button.disabled = true; });
  say("Passkeys belong to a name: open this page by its name, or as localhost, not by a number.");
}
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const { name, message } = event.detail.exception;
  say(name === "NotAllowedError" ? "No passkey was shown in time, or you cancelled." : `No passkey: ${message}`);
});
