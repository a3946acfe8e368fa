// Node's ws as a client of the hub: joins, exchanges messages, and closes, steered by lines of JSON.
// usage: hub_client.js URL TOKEN
//   in   {"do":"send","text":…}  {"do":"fragments","text":…,"size":N}  {"do":"ping"}  {"do":"binary"}
//        {"do":"close","code":N,"reason":…}
//   out  {"event":"open"}  {"event":"text","text":…}  {"event":"pong","data":…}  {"event":"closed","code":N,"reason":…}
"use strict";
const WebSocket = require("ws");
const readline = require("readline");

const [url, token] = process.argv.slice(2);
const emit = (event) => console.log(JSON.stringify(event));
const socket = new WebSocket(url, {
  headers: { Authorization: `Bearer ${token}` },
  rejectUnauthorized: false,
});
socket.on("open", () => emit({ event: "open" }));
socket.on("message", (data) => emit({ event: "text", text: data.toString() }));
socket.on("pong", (data) => emit({ event: "pong", data: data.toString() }));
socket.on("error", (error) => emit({ event: "error", text: String(error) }));
socket.on("close", (code, reason) => {
  emit({ event: "closed", code, reason: reason.toString() });
  process.exit(0);
});

function fragments({ text, size }) {
  for (let at = 0; at < text.length; at += size) {
    socket.send(text.slice(at, at + size), { fin: at + size >= text.length });
  }
}

const commands = {
  send: ({ text }) => socket.send(text),
  fragments,
  ping: () => socket.ping("asked"),
  binary: () => socket.send(Buffer.from([1, 2, 3])),
  close: ({ code, reason }) => socket.close(code, reason),
};
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const command = JSON.parse(line);
  commands[command.do](command);
});
