// The folder API's engine without its server around it (fsnode_server.cpp), spoken to in its own messages (docs/fsnode.md).
import { spawn } from "node:child_process";
import { fsnodeServer } from "./paths.mjs";

export class FsnodeServer {
  #buffer = Buffer.alloc(0);
  #messages = [];
  #waiting = () => undefined;

  constructor(t, folder) {
    this.process = spawn(fsnodeServer, [folder], {
      stdio: ["ignore", "ignore", "inherit", "pipe"],
    });
    this.ended = new Promise((resolve) => this.process.once("close", resolve));
    const [, , , socket] = this.process.stdio;
    socket.on("data", (data) => this.#take(data)).on("error", () => undefined);
    t.defer(() => this.kill());
  }

  #take(data) {
    this.#buffer = Buffer.concat([this.#buffer, data]);
    while (
      this.#buffer.length >= 5 &&
      this.#buffer.length >= 5 + this.#buffer.readUInt32LE(0)
    ) {
      const end = 5 + this.#buffer.readUInt32LE(0);
      if (this.#buffer[4] === 0)
        this.#messages.push(JSON.parse(this.#buffer.toString("utf8", 5, end)));
      this.#buffer = this.#buffer.subarray(end);
    }
    this.#waiting();
  }

  #send(kind, data) {
    const header = Buffer.alloc(5);
    header.writeUInt32LE(data.length, 0);
    header[4] = kind;
    this.process.stdio[3].write(Buffer.concat([header, data]));
  }
  send(message) {
    this.#send(0, Buffer.from(JSON.stringify(message)));
  }
  sendData(id, data) {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(id, 0);
    this.#send(1, Buffer.concat([head, data]));
  }

  /** The first message for which `wanted` is true; those before it are dropped. */
  async until(wanted, seconds = 20) {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
      const at = this.#messages.findIndex(wanted);
      if (at >= 0) return this.#messages.splice(0, at + 1)[at];
      if (Date.now() > deadline)
        throw new Error(
          `fsnode_server did not answer within ${seconds} s: ${JSON.stringify(this.#messages)}`,
        );
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, deadline - Date.now() + 1);
        this.#waiting = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** A call to its end. */
  async call(id, op, members) {
    this.send({ id, op, ...members });
    return this.until(
      (message) => message.id === id && ("ok" in message || "error" in message),
    );
  }

  /** Begins to write `path` and returns when `data` is on the disk. */
  async beginWrite(id, path, data) {
    this.send({ id, op: "write", path });
    await this.until((message) => message.id === id && "credit" in message);
    for (let at = 0; at < data.length; at += 65536)
      this.sendData(id, data.subarray(at, at + 65536));
    for (let left = data.length; left > 0;)
      left -= (
        await this.until((message) => message.id === id && "credit" in message)
      ).credit;
  }

  /** SIGKILL: nothing is tidied up. */
  async kill() {
    this.process.kill("SIGKILL");
    await this.ended;
  }
}
