#pragma once
// For tests: a Node program that speaks the host's side of the protocol and misbehaves on request, and a loop to run
// one test's coroutine on.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/child_process.hpp"
#include "modules/module_host.hpp"

namespace owndir::modules {

inline constexpr const char* kFakeHost = R"js(
const http = require("http"), readline = require("readline"), fs = require("fs");
const say = (message) => fs.writeSync(1, JSON.stringify(message) + "\n");
const lines = readline.createInterface({ input: process.stdin });
let job = null, asked = 0;
lines.on("close", () => process.exit(0));
lines.on("line", (line) => {
  const message = JSON.parse(line);
  if (job !== null) return say({ pong: message.ping });
  job = message;
  const behaviour = fs.existsSync(job.server) ? fs.readFileSync(job.server, "utf8") : "";
  if (behaviour.includes("THROWS AT START")) throw new Error("cannot begin");
  if (behaviour.includes("NEVER LISTENS")) return;
  server.listen(job.socket, () => say({ listening: true, middleware: !behaviour.includes("NO MIDDLEWARE") }));
});
const server = http.createServer((request, response) => {
  const path = request.url.split("?")[0], number = Number(request.headers["owndir-request"]);
  ++asked;
  if (path === "/exit") { say({ log: { level: "warn", text: "leaving", module: "a/b" } }); process.exit(3); }
  if (path === "/loop") for (;;);
  if (path === "/known-loop") { say({ busy: { request: number, module: "a/b" } }); for (;;); }
  if (path === "/reject") return void Promise.reject(new Error("nobody catches this"));
  if (path === "/memory") { const all = []; for (;;) all.push(new Array(100000).fill(1.5)); }
  if (path === "/buffers") { const all = []; try { for (;;) all.push(Buffer.alloc(50e6, 1)); } catch (e) { return response.end(String(e.message)); } }
  if (path === "/never") return;
  if (path === "/hang-up") return request.socket.destroy();
  if (path === "/flood") { for (let i = 0; i < 5000; i++) say({ log: { level: "info", text: "x".repeat(100), module: "" } }); return response.end("flooded"); }
  if (path === "/site") { response.writeHead(204, { "owndir-pass": "site", "Set-Cookie": "seen=1" }); return response.end(); }
  if (path === "/files") { response.writeHead(204, { "owndir-pass": "files" }); return response.end(); }
  if (path === "/echo") { response.writeHead(200, { "owndir-secret": "x", "X-Method": request.method }); return request.pipe(response); }
  if (path === "/broken") { response.writeHead(200, { "Content-Length": "1000" }); response.write("half"); return setTimeout(() => process.exit(1), 20); }
  if (path === "/slow") return setTimeout(() => response.end("slow " + process.pid), 150);
  if (path === "/big") { let left = 200; const more = () => { while (left-- > 0) if (!response.write("x".repeat(65536))) return response.once("drain", more); response.end(); }; return more(); }
  response.setHeader("Content-Type", "text/plain");
  response.end(JSON.stringify({ pid: process.pid, asked, number, url: request.url, title: job.title }));
});
)js";

class HostFolder {
 public:
  HostFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "owndir-test-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
    write("host.cjs", kFakeHost);
    write("server.cjs", "");
    std::filesystem::create_directory(path_ / "run");
  }
  ~HostFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  HostFolder(const HostFolder&) = delete;
  HostFolder& operator=(const HostFolder&) = delete;

  void write(const std::string& name, std::string_view content) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << content;
  }
  HostOptions options() const {
    HostOptions options;
    options.runtime.node = find_program("node").value_or("/usr/bin/node");
    options.runtime.host = (path_ / "host.cjs").string();
    options.server = (path_ / "server.cjs").string();
    options.folder = path_.string();
    options.title = "Test";
    options.run_directory = (path_ / "run").string();
    return options;
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Runs a test's coroutine to its end; what leaves it as an exception, or two minutes, fails the test.
inline void run_to_end(asio::io_context& io, Awaitable<void> body) {
  asio::steady_timer watchdog(io, std::chrono::minutes(2));
  watchdog.async_wait([&io](boost::system::error_code error) {
    if (error) return;
    ADD_FAILURE() << "still running after two minutes";
    io.stop();
  });
  asio::co_spawn(io, std::move(body), [&watchdog](const std::exception_ptr& failure) {
    watchdog.cancel();
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  });
  io.run();
}

}  // namespace owndir::modules
