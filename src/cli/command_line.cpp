#include "cli/command_line.hpp"

#include <CLI/CLI.hpp>
#include <iostream>

#include "app/build.hpp"
#include "app/connect.hpp"
#include "app/serve.hpp"
#include "base/log.hpp"

namespace owndir::cli {
namespace {

constexpr const char* kDescription =
    "owndir makes a folder reachable from your other devices through nothing but the folder's own sync.\n"
    "At home:   owndir serve ~/Photos\n"
    "Elsewhere: open owndir.html in the synced copy of the folder with a browser, or run  owndir connect ~/Photos\n"
    "As an app: write .owndir/index.jsx in the folder, look at it with  owndir trust ~/Photos,  and serve";

constexpr const char* kExitCodes =
    "Exit codes: 0 stopped as asked; 1 could not start, or failed; 2 wrong usage; 3 no connection in time; 4 the "
    "folder's code is not approved.";

constexpr const char* kServeFooter =
    "The page is written to DIR/.owndir/.dist/, handshake files go through DIR/.owndir/.wrtc-proxy/.\n"
    "Whoever can write into the folder can connect; nothing else is opened to the network.\n"
    "Code in the folder (.owndir) runs only after you approved it: asked once on a terminal, else with owndir trust "
    "DIR;\n"
    "until then the last approved build is served, or the file browser.\n"
    "Examples:\n"
    "  owndir serve ~/Photos\n"
    "  owndir serve ~/Photos --stun none                  only the same network, or IPv6\n"
    "  owndir serve ~/Photos --turn turn:me:secret@relay.example.org:3478?transport=tcp\n";

constexpr const char* kBuildFooter =
    "Looks at the modules of the folder (.owndir directories and .owndir.js files), builds the approved ones into a "
    "site,\n"
    "and publishes it to DIR/.owndir/.dist/, or to where --dist or \"owndir\": {\"dist\": \"…\"} of "
    ".owndir/package.json says.\n"
    "Prints each step with its time, the size of the result, and every error with file, line and excerpt. Nothing is\n"
    "rebuilt, and no file rewritten, when nothing has changed. A failed build leaves the last good site in place.\n"
    "Examples:\n"
    "  owndir build ~/Notes\n"
    "  owndir build ~/Notes --watch --trust               while writing modules of your own\n"
    "  owndir build ~/Notes --single-file --dist /tmp/notes   one self-contained index.html\n";

constexpr const char* kTrustFooter =
    "Shows the modules, the packages they ask for and what has changed since the last approval, and asks. The "
    "approval\n"
    "is bound to exactly what was shown: any later change waits for the next one (docs/security.md).\n"
    "Examples:\n"
    "  owndir trust ~/Notes\n"
    "  owndir trust ~/Notes --yes                         in a script, after you have looked\n"
    "  owndir trust ~/Notes --revoke                      nothing new runs until the next approval\n";

constexpr const char* kConnectFooter =
    "Writes an offer into DIR/.owndir/.wrtc-proxy/ and waits until the sync has brought the answer; then the local\n"
    "address carries HTTP to the server at home. Connects again by itself when the connection is lost.\n"
    "Examples:\n"
    "  owndir connect ~/Photos\n"
    "  owndir connect ~/Photos --port 9000 --timeout 300 --json\n";

struct StunArguments {
  std::vector<std::string> urls;
};

/// What every command has.
void add_basic(CLI::App& command, app::CommonOptions& options, std::string& level) {
  command.add_option("DIR", options.directory, "The synced folder")
      ->required()
      ->check(CLI::ExistingDirectory)
      ->option_text(" ");
  command
      .add_option("--state", options.state,
                  "Directory for what must not be in the folder; below $XDG_STATE_HOME/owndir by default")
      ->option_text("DIR");
  command.add_option("--log", level, "What goes to standard error: trace, debug, info, warn, error, off")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}))
      ->option_text("LEVEL [warn]")
      ->group("Output");
  command.add_flag("--json", options.json, "One JSON object a line on standard output, for programs")->group("Output");
}

/// What the commands have that build.
void add_app(CLI::App& command, app::AppOptions& options) {
  command
      .add_flag("--trust", options.trust,
                "Approve whatever code is in the folder, now and whenever it changes: for modules that only you write")
      ->group("App");
  command
      .add_option("--dist", options.dist, "Publish the site there: inside the folder, or an absolute path elsewhere")
      ->option_text("DIR [.owndir/.dist]")
      ->group("App");
}

void add_common(CLI::App& command, app::CommonOptions& options, StunArguments& stun, std::string& level,
                const char* usual_port) {
  add_basic(command, options, level);
  command
      .add_option("--port", options.port, "Local port; 0 takes any free one, as does the usual one when it is taken")
      ->check(CLI::Range(0, 65535))
      ->option_text(usual_port)
      ->group("Local address");
  command.add_option("--bind", options.bind, "Local address, numeric; others than 127.0.0.1 open it to the network")
      ->check(CLI::ValidIPV4 | CLI::Validator(
                                   [](const std::string& text) {
                                     return text.find(':') == text.npos ? std::string("not a numeric address")
                                                                        : std::string();
                                   },
                                   "IPV6", "ipv6"))
      ->option_text("ADDRESS [127.0.0.1]")
      ->group("Local address");
  command
      .add_option("--stun", stun.urls,
                  "STUN server, stun:HOST[:PORT]; may be repeated; replaces the two public ones; none: without")
      ->option_text("URL|none")
      ->group("Network path");
  command
      .add_option("--turn", options.turn, "TURN relay, turn:USER:PASSWORD@HOST[:PORT][?transport=tcp]; may be repeated")
      ->option_text("URL")
      ->group("Network path");
  command.add_option("--name", options.name, "Name of this device, shown at the other one; the host name by default")
      ->option_text("TEXT");
  command.add_flag("--poll", options.polling, "Look at the handshake directory every second instead of using inotify");
}

/// Turns what was parsed into what the command takes; an error is wrong usage.
Result<void> finish(app::CommonOptions& options, const CLI::App& command, const StunArguments& stun,
                    const std::string& level) {
  set_log_level(level);
  options.port_given = command.count("--port") > 0;
  if (stun.urls == std::vector<std::string>{"none"})
    options.stun.clear();
  else if (!stun.urls.empty())
    options.stun = stun.urls;
  const auto servers = app::ice_servers(options);
  if (!servers) return fail(servers.error());
  return {};
}

}  // namespace

int run(int argc, char** argv) {
  CLI::App program(kDescription, "owndir");
  program.footer(kExitCodes);
  program.set_version_flag("--version", std::string("owndir ") + OWNDIR_VERSION);
  program.require_subcommand(1);
  program.get_formatter()->column_width(34);

  std::string level = "warn";
  StunArguments stun;
  app::ServeOptions serve;
  CLI::App* serve_command = program.add_subcommand("serve", "Serve a folder to its other devices (runs at home)");
  add_common(*serve_command, serve, stun, level, "PORT [8710]");
  serve_command->add_flag_callback(
      "--no-launcher", [&serve] { serve.launcher = false; }, "Do not write owndir.html into the folder");
  serve_command->add_option("--max-peers", serve.max_peers, "Devices connected at once")
      ->check(CLI::Range(1, 1000))
      ->option_text("N [64]");
  add_app(*serve_command, serve);
  serve_command->footer(std::string(kServeFooter) + "\n" + kExitCodes);

  app::ConnectOptions connect;
  std::int64_t timeout = 0, offer_valid = connect.offer_valid.count();
  CLI::App* connect_command =
      program.add_subcommand("connect", "Reach a served folder from another device (runs anywhere)");
  add_common(*connect_command, connect, stun, level, "PORT [8711]");
  connect_command->add_option("--server", connect.server, "Id of the one server to reach, when there are several")
      ->option_text("ID");
  connect_command->add_option("--timeout", timeout, "Give up after so many seconds without a connection; 0: never")
      ->check(CLI::Range(0, 86400))
      ->option_text("SECONDS [0]");
  connect_command->add_option("--offer-valid", offer_valid, "Seconds that the offer waits for its answer")
      ->check(CLI::Range(30, 3600))
      ->option_text("SECONDS [720]");
  connect_command->footer(std::string(kConnectFooter) + "\n" + kExitCodes);

  app::BuildOptions build;
  CLI::App* build_command = program.add_subcommand("build", "Build the folder's modules into its site");
  add_basic(*build_command, build, level);
  add_app(*build_command, build);
  build_command->add_flag("--watch", build.watch, "Go on, and build again whenever something changes")->group("App");
  build_command->add_flag("--single-file", build.single_file, "Make one index.html that needs no other file")
      ->group("App");
  build_command->footer(std::string(kBuildFooter) + "\n" + kExitCodes);

  app::TrustOptions trust;
  CLI::App* trust_command = program.add_subcommand("trust", "Show what code is in the folder, and let it run");
  add_basic(*trust_command, trust, level);
  auto* yes = trust_command->add_flag("--yes", trust.yes, "Approve without a question");
  trust_command->add_flag("--revoke", trust.revoke, "Approve nothing any more")->excludes(yes);
  trust_command->footer(std::string(kTrustFooter) + "\n" + kExitCodes);

  try {
    program.parse(argc, argv);
  } catch (const CLI::RequiredError& error) {
    if (!program.get_subcommands().empty()) return program.exit(error) == 0 ? app::kExitOk : app::kExitUsage;
    if (argc > 1)
      app::print_error("there is no command '" + printable(argv[1]) +
                       "'; the commands are serve, connect, build and trust");
    else
      std::cerr << program.help();
    return app::kExitUsage;
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? app::kExitOk : app::kExitUsage;
  }
  set_log_level(level);
  if (build_command->parsed()) return app::run_build(build);
  if (trust_command->parsed()) return app::run_trust(trust);
  const bool serving = serve_command->parsed();
  app::CommonOptions& common = serving ? static_cast<app::CommonOptions&>(serve) : connect;
  const Result<void> finished = finish(common, serving ? *serve_command : *connect_command, stun, level);
  if (!finished) {
    app::print_error(finished.error());
    return app::kExitUsage;
  }
  connect.timeout = std::chrono::seconds(timeout);
  connect.offer_valid = std::chrono::seconds(offer_valid);
  return serving ? app::run_serve(serve) : app::run_connect(connect);
}

}  // namespace owndir::cli
