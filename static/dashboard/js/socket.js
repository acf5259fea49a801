// One socket: subscribe, hear a snapshot, then changes with a version; a gap or a lost line means asking again.
const FIRST_WAIT = 500;
const LONGEST_WAIT = 8000;
const SILENCE = 20_000;
const SIGNED_OUT = 4401;
const NO_ROLE = 4403;

export class PageSocket {
  constructor(topics, { onSnapshot, onMarket, onLog, onLine, onTrouble }) {
    Object.assign(this, { topics, onSnapshot, onMarket, onLog, onLine, onTrouble, wait: FIRST_WAIT, versions: new Map(), heardAt: 0 });
    setInterval(() => this.watch(), 5000);
    this.connect();
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.socket = new WebSocket(`${scheme}://${location.host}/ws/v1/`);
    this.socket.addEventListener("open", () => this.opened());
    this.socket.addEventListener("message", (event) => this.heard(JSON.parse(event.data)));
    this.socket.addEventListener("close", (event) => this.closed(event.code));
  }

  opened() {
    this.wait = FIRST_WAIT;
    this.heardAt = Date.now();
    this.versions.clear();
    for (const topic of this.topics) this.subscribe(topic);
    this.onLine(true);
  }

  closed(code) {
    this.onLine(false);
    if (code === SIGNED_OUT || code === NO_ROLE) return location.reload();
    setTimeout(() => this.connect(), this.wait * (0.75 + Math.random() / 2));
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }

  // A half-open line says nothing for ever; only closing it makes the browser try again.
  watch() {
    if (this.socket.readyState === WebSocket.OPEN && Date.now() - this.heardAt > SILENCE) this.socket.close();
  }

  subscribe(topic) {
    this.socket.send(JSON.stringify({ type: "subscribe", topic }));
  }

  heard(message) {
    this.heardAt = Date.now();
    if (message.topic === "logs") this.onLog(message.data, message.type === "snapshot");
    else if (message.type === "snapshot") {
      this.versions.set(message.topic, message.version);
      if (message.topic === "market") this.onMarket(message.data, true);
      else this.onSnapshot(message.topic, message.data);
    } else if (message.type === "delta" && message.topic === "market") this.hearMarket(message);
    else if (message.type === "degraded") this.onTrouble(message.words);
    else if (message.type === "recovered") this.onTrouble("");
  }

  hearMarket({ version, data }) {
    const before = this.versions.get("market");
    this.versions.set("market", version);
    if (isGap(before, version)) this.subscribe("market");
    this.onMarket(data, isGap(before, version));
  }
}

export function isGap(before, now) {
  if (!Array.isArray(before) || !Array.isArray(now)) return false;
  return before[0] !== now[0] || now[1] > before[1] + 1;
}
