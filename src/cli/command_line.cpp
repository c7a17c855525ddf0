#include "cli/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <iostream>
#include <optional>

#include "app/build.hpp"
#include "app/connect.hpp"
#include "app/login_link.hpp"
#include "app/proxy.hpp"
#include "app/serve.hpp"
#include "base/log.hpp"
#include "cli/help_text.hpp"
#include "cli/values.hpp"
#include "gateway/app_host.hpp"

namespace owndir::cli {
namespace {

struct StunArguments {
  std::vector<std::string> urls;
};

/// What every command has.
void add_basic(CLI::App& command, app::CommonOptions& options, std::string& level) {
  command.add_option("DIR", options.directory, "The synced folder")->required()->check(folder())->option_text(" ");
  command
      .add_option("--state", options.state,
                  "Directory for what must not be in the folder; below $XDG_STATE_HOME/owndir by default")
      ->option_text("DIR");
  command.add_option("--log", level, "What goes to standard error: trace, debug, info, warn, error, off")
      ->check(one_of({"trace", "debug", "info", "warn", "error", "off"}))
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

/// What the commands have that connect.
void add_network(CLI::App& command, app::CommonOptions& options, StunArguments& stun, const char* name) {
  command
      .add_option("--stun", stun.urls,
                  "STUN server, stun:HOST[:PORT]; may be repeated; replaces the two public ones; none: without")
      ->option_text("URL|none")
      ->allow_extra_args(false)
      ->group("Network path");
  command
      .add_option("--turn", options.turn, "TURN relay, turn:USER:PASSWORD@HOST[:PORT][?transport=tcp]; may be repeated")
      ->option_text("URL")
      ->allow_extra_args(false)
      ->group("Network path");
  command.add_option(name, options.name, "Name of this device, shown at the other one; the host name by default")
      ->option_text("TEXT");
  command.add_flag("--poll", options.polling, "Look at the handshake directory every second instead of using inotify");
}

void add_common(CLI::App& command, app::CommonOptions& options, StunArguments& stun, std::string& level,
                const char* usual_port) {
  add_basic(command, options, level);
  command
      .add_option("--port", options.port, "Local port; 0 takes any free one, as does the usual one when it is taken")
      ->check(whole_number(0, 65535, "a port"))
      ->option_text(usual_port)
      ->group("Local address");
  command.add_option("--bind", options.bind, "Local address, numeric; others than 127.0.0.1 open it to the network")
      ->check(numeric_address())
      ->option_text("ADDRESS [127.0.0.1]")
      ->group("Local address");
  add_network(command, options, stun, "--name");
}

/// What the commands have that run at home.
template <class Options>
void add_home(CLI::App& command, Options& options) {
  command.add_flag_callback(
      "--no-launcher", [&options] { options.launcher = false; }, "Do not write owndir.html into the folder");
  command.add_option("--max-peers", options.max_peers, "Devices connected at once")
      ->check(whole_number(1, 1000, "a number of devices"))
      ->option_text("N [64]");
}

void add_proxy(CLI::App& command, app::ProxyOptions& options, StunArguments& stun, std::string& level) {
  add_basic(command, options, level);
  command
      .add_option("--to", options.to,
                  "An app: http://HOST:PORT, https://HOST or tcp://HOST:PORT, with its name before it if you like; may "
                  "be repeated")
      ->option_text("[NAME=]URL")
      ->allow_extra_args(false)
      ->group("Apps");
  command.add_option("--name", options.app_name, "Name of the only app: small letters, digits, dashes")
      ->option_text("NAME")
      ->group("Apps");
  command
      .add_flag("--folder-members", options.folder_members,
                "Whoever can write into the folder may use the apps: nothing is opened without it")
      ->group("Apps");
  command
      .add_flag("--transparent", options.transparent,
                "Pass hosts, origins, redirects and cookies on as they are, for apps with several host names")
      ->group("Apps");
  add_network(command, options, stun, "--device");
  add_home(command, options);
  command.footer(std::string(kProxyFooter) + "\n" + kExitCodes);
}

/// Turns what was parsed into what the command takes; an error is wrong usage.
Result<void> finish(app::CommonOptions& options, const CLI::App& command, const StunArguments& stun,
                    const std::string& level) {
  set_log_level(level);
  const auto* const port = command.get_option_no_throw("--port");
  options.port_given = port != nullptr && port->count() > 0;
  if (stun.urls == std::vector<std::string>{"none"})
    options.stun.clear();
  else if (!stun.urls.empty())
    options.stun = stun.urls;
  const auto servers = app::ice_servers(options);
  if (!servers) return fail(servers.error());
  return {};
}

/// "NAME" or "NAME=PORT".
Result<app::ConnectOptions::Tcp> tcp_port(const std::string& text) {
  app::ConnectOptions::Tcp tcp;
  const std::size_t equals = text.find('=');
  tcp.app = text.substr(0, equals);
  if (!gateway::is_app_name(tcp.app))
    return fail(
        Errc::malformed,
        "--tcp takes NAME or NAME=PORT, with the name that `owndir proxy` gave the app; not '" + printable(text) + "'");
  if (equals == text.npos) return tcp;
  const std::string port = text.substr(equals + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), tcp.port);
  if (error != std::errc() || end != port.data() + port.size())
    return fail(Errc::malformed,
                "--tcp " + tcp.app + "=: a port from 0 to 65535 is expected, not '" + printable(port) + "'");
  return tcp;
}

/// What was wrong with the arguments, for a person.
std::string complaint(const CLI::App* program, const CLI::Error& error) {
  const auto commands = program->get_subcommands();
  const std::string command = commands.empty() ? "owndir" : "owndir " + commands.front()->get_name();
  std::string text = error.what();
  const auto is = [&error](CLI::ExitCodes code) { return error.get_exit_code() == static_cast<int>(code); };
  if (is(CLI::ExitCodes::RequiredError) && text.starts_with("DIR "))
    text = "which folder? Write  " + command + " DIR";
  else if (is(CLI::ExitCodes::ExtrasError))
    text = command + " does not take" + text.substr(text.find(':') + 1);
  else if (is(CLI::ExitCodes::ExcludesError))
    text = "these do not go together: " + text.replace(text.find(" excludes "), 10, " and ");
  else if (is(CLI::ExitCodes::ArgumentMismatch))
    text = text.substr(0, text.find(':')) + " needs a value after it";
  return "owndir: " + text + "\n(" + command + " --help says what can be given)\n";
}

int unknown_command(const std::string& name) {
  app::print_error("there is no command '" + printable(name) +
                   "'; the commands are serve, connect, proxy, build, trust and link");
  return app::kExitUsage;
}

/// Nothing when a command is to be run; else the exit code. "help COMMAND" is "COMMAND --help".
std::optional<int> parse(CLI::App& program, int argc, char** argv) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  if (arguments.empty()) {
    std::cerr << program.help();
    return app::kExitUsage;
  }
  if (arguments.front() == "help") {
    arguments.erase(arguments.begin());
    arguments.resize(std::min<std::size_t>(arguments.size(), 1));
    arguments.emplace_back("--help");
  }
  const std::string first = arguments.front();
  const auto named = [&first](const CLI::App* command) { return command->check_name(first); };
  if (!first.starts_with('-') && program.get_subcommands(named).empty()) return unknown_command(first);
  std::reverse(arguments.begin(), arguments.end());
  try {
    program.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? app::kExitOk : app::kExitUsage;
  }
  return std::nullopt;
}

}  // namespace

int run(int argc, char** argv) {
  CLI::App program(kDescription, "owndir");
  program.footer(std::string(kProgramFooter) + "\n" + kExitCodes);
  program.failure_message(complaint);
  program.set_version_flag("--version", std::string("owndir ") + OWNDIR_VERSION);
  program.require_subcommand(1);
  program.get_formatter()->column_width(34);

  std::string level = "warn";
  StunArguments stun;
  app::ServeOptions serve;
  CLI::App* serve_command = program.add_subcommand("serve", "Serve a folder to its other devices (runs at home)");
  add_common(*serve_command, serve, stun, level, "PORT [8710]");
  add_home(*serve_command, serve);
  add_app(*serve_command, serve);
  serve_command->footer(std::string(kServeFooter) + "\n" + kExitCodes);

  app::ConnectOptions connect;
  std::vector<std::string> tcp;
  std::int64_t timeout = 0, offer_valid = connect.offer_valid.count();
  CLI::App* connect_command =
      program.add_subcommand("connect", "Reach a served folder from another device (runs anywhere)");
  add_common(*connect_command, connect, stun, level, "PORT [8711]");
  connect_command->add_option("--server", connect.server, "Id of the one server to reach, when there are several")
      ->option_text("ID");
  connect_command->add_option("--timeout", timeout, "Give up after so many seconds without a connection; 0: never")
      ->check(whole_number(0, 86400, "a number of seconds"))
      ->option_text("SECONDS [0]");
  connect_command->add_option("--offer-valid", offer_valid, "Seconds that the offer waits for its answer")
      ->check(whole_number(30, 3600, "a number of seconds"))
      ->option_text("SECONDS [720]");
  connect_command
      ->add_option("--tcp", tcp, "Local port for a TCP app at home, NAME or NAME=PORT; any free one; may be repeated")
      ->option_text("NAME[=PORT]")
      ->group("Local address");
  connect_command
      ->add_flag("--transparent", connect.transparent,
                 "Take requests for any host as they are, without the guard: for test suites only")
      ->group("Local address");
  connect_command->footer(std::string(kConnectFooter) + "\n" + kExitCodes);

  app::ProxyOptions proxy;
  CLI::App* proxy_command =
      program.add_subcommand("proxy", "Offer web apps of this computer through a folder (runs at home)");
  add_proxy(*proxy_command, proxy, stun, level);

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
  auto* yes = trust_command->add_flag("--yes", trust.yes, "Approve without a question")->option_text(" ");
  trust_command->add_flag("--revoke", trust.revoke, "Withdraw the approval: nothing new is built or started")
      ->excludes(yes)
      ->option_text(" ");
  trust_command->footer(std::string(kTrustFooter) + "\n" + kExitCodes);

  app::LinkOptions link;
  CLI::App* link_command = program.add_subcommand("link", "Print a new login link of the owndir that serves a folder");
  add_basic(*link_command, link, level);
  link_command->footer(std::string(kLinkFooter) + "\n" + kExitCodes);

  if (const std::optional<int> code = parse(program, argc, argv)) return *code;
  set_log_level(level);
  if (build_command->parsed()) return app::run_build(build);
  if (trust_command->parsed()) return app::run_trust(trust);
  if (link_command->parsed()) return app::run_link(link);
  const CLI::App* const command = program.get_subcommands().front();
  app::CommonOptions& common = command == serve_command   ? static_cast<app::CommonOptions&>(serve)
                               : command == proxy_command ? static_cast<app::CommonOptions&>(proxy)
                                                          : connect;
  Result<void> finished = finish(common, *command, stun, level);
  for (const std::string& text : tcp) {
    auto port = tcp_port(text);
    if (port)
      connect.tcp.push_back(std::move(*port));
    else if (finished)
      finished = fail(port.error());
  }
  if (!finished) {
    app::print_error(finished.error());
    return app::kExitUsage;
  }
  if (command == proxy_command) return app::run_proxy(proxy);
  connect.timeout = std::chrono::seconds(timeout);
  connect.offer_valid = std::chrono::seconds(offer_valid);
  return command == serve_command ? app::run_serve(serve) : app::run_connect(connect);
}

}  // namespace owndir::cli
