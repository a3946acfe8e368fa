// bamgate hub: runs the hub. bamgate hub token: prints a join string.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <functional>

#include "cli/commands.h"
#include "cli/hub_github.h"
#include "cli/join_offer.h"
#include "cli/terminal.h"
#include "cli/time_argument.h"
#include "cli/version.h"
#include "config/join_string.h"
#include "core/encoding.h"
#include "host/hub_database.h"
#include "host/hub_folder.h"
#include "host/hub_log.h"
#include "host/native_hub.h"
#include "host/service_user.h"
#include "host/tls_watch.h"
#include "net/clock.h"
#include "net/url.h"
#include "os/descriptor_limit.h"
#include "os/file.h"
#include "os/service.h"
#include "stun/uri.h"

namespace bamgate::cli {
namespace {

/// The hub's public name: what was given, what was given at the last start, or the listen address when it says enough.
std::expected<std::string, std::string> choose_public_url(const HubArguments& arguments, const Endpoint& listen,
                                                          const host::HubFolder& folder) {
  if (!arguments.public_url.empty()) {
    const auto url = net::Url::parse(arguments.public_url);
    if (!url || url->target != "/") {
      return std::unexpected("--public-url '" + arguments.public_url +
                             "' is no address of a hub: say it as https://hub.example:8443");
    }
    std::string text = url->to_string();
    if (text.ends_with('/')) text.pop_back();
    return text;
  }
  if (const auto before = folder.read_address(); before && !before->public_url.empty()) return before->public_url;
  if (listen.address.is_unspecified()) return "";
  return std::string(arguments.plain_http ? "http://" : "https://") + listen.to_string();
}

/// Where STUN is answered; nullopt inside: not at all.
std::expected<std::optional<Endpoint>, std::string> choose_stun(const HubArguments& arguments, const Endpoint& listen) {
  if (arguments.stun == "off") return std::nullopt;
  if (arguments.stun.empty()) return Endpoint{listen.address, stun::kDefaultPort};
  const auto endpoint = Endpoint::parse(arguments.stun);
  if (!endpoint) {
    return std::unexpected("--stun '" + arguments.stun + "' is no address: say it as 0.0.0.0:3478, or 'off'");
  }
  return *endpoint;
}

std::expected<void, std::string> choose_github(const HubArguments& arguments, hub::HubOptions& options) {
  if (!arguments.github.empty() && !is_github_login(arguments.github)) {
    return std::unexpected("--github '" + arguments.github + "' is no login of GitHub: say it as octocat");
  }
  auto api = check_github_api(arguments.github_api);
  if (!api) return std::unexpected(api.error());
  options.github_login = arguments.github;
  options.github_api = std::move(*api);
  return {};
}

struct TlsChoice {
  std::shared_ptr<const net::TlsContext> context;  // null: plain HTTP
  std::string fingerprint;                         // of our own certificate; empty: the CA store decides
};

std::expected<TlsChoice, std::string> choose_tls(const HubArguments& arguments, const host::HubFolder& folder) {
  if (arguments.plain_http) return TlsChoice{};
  if (!arguments.tls_cert.empty()) {
    auto given = host::read_tls({arguments.tls_cert, arguments.tls_key});
    if (!given) return std::unexpected(given.error());
    return TlsChoice{std::move(*given), ""};
  }
  os::SystemRandom random;
  const auto identity = folder.identity(random);
  if (!identity) return std::unexpected(identity.error());
  auto context = net::TlsContext::server(*identity);
  if (!context) {
    return std::unexpected(folder.certificate().string() + " and " + folder.key().string() + ": " +
                           context.error().detail +
                           "; bring back the last backup with 'bamgate hub restore FILE "
                           "--force'");
  }
  const auto digest = net::spki_sha256(identity->cert_pem);
  if (!digest) return std::unexpected(digest.error().detail);
  return TlsChoice{*context, to_base64url(*digest)};
}

/// What SIGHUP does: the certificate's files are read again. All else of a hub stands on its command line.
void reload(const host::HubLog& log, std::optional<host::TlsWatch>& certificate) {
  log.write(hub::LogLevel::kInfo, "hub_reloads",
            {{"certificate", certificate ? "read again" : "as it was"},
             {"hint", "options of the command line take effect at the next start"}});
  if (certificate) certificate->reload();
}

/// Serves until a signal comes, or the terminal that the hub was started on goes away; a second one ends at once.
/// `on_restored` is what SIGUSR1 calls, from `bamgate hub restore`.
ExitCode serve(net::Loop& loop, const host::HubLog& log, const HubArguments& arguments, host::NativeHub& hub,
               std::function<void()>& on_restored) {
  ExitCode code = ExitCode::kDone;
  on_restored = [&] {
    log.write(hub::LogLevel::kInfo, "hub_restored");
    const auto done = hub.start_over();
    if (done) return;
    log.error("hub_failed", done.error());
    code = ExitCode::kFailed;
    loop.stop();
  };
  std::optional<host::TlsWatch> certificate;
  if (!arguments.tls_cert.empty() && !arguments.plain_http) {
    certificate.emplace(loop, log, host::TlsFiles{arguments.tls_cert, arguments.tls_key},
                        [&](std::shared_ptr<const net::TlsContext> tls) { hub.set_tls(std::move(tls)); });
  }
  bool stopping = false;
  const auto stop = [&] {
    if (std::exchange(stopping, true)) return loop.stop();
    log.write(hub::LogLevel::kInfo, "hub_stops");
    hub.stop([&loop] { loop.stop(); });
  };
  const TerminalWatch terminal;
  loop.on_hangup([&] { terminal.is_gone() ? stop() : reload(log, certificate); });
  loop.on_signal([&](int) { stop(); });
  loop.run();
  return code;
}

/// The first lines of the log.
void announce(const host::HubLog& log, const HubArguments& arguments, const host::NativeHub& hub,
              const std::optional<Endpoint>& stun, const std::string& url) {
  log.write(hub::LogLevel::kInfo, "hub_started",
            {{"version", kVersion},
             {"listen", hub.listen_endpoint().to_string()},
             {"tls", !arguments.plain_http},
             {"stun", stun ? stun->to_string() : "off"},
             {"public_url", url},
             {"github", arguments.github.empty() ? "off" : arguments.github},
             {"data", arguments.data}});
  if (!url.empty()) return;
  log.write(
      hub::LogLevel::kWarning, "no_public_url",
      {{"hint", "devices cannot join yet: start the hub with --public-url https://NAME:PORT, as they will reach it"}});
}

}  // namespace

ExitCode run_hub(const HubArguments& arguments) {
  const auto listen = Endpoint::parse(arguments.listen);
  if (!listen) {
    return fail(ExitCode::kUsage, "--listen '" + arguments.listen + "' is no address: say it as 0.0.0.0:8443");
  }
  if (arguments.tls_cert.empty() != arguments.tls_key.empty()) {
    return fail(ExitCode::kUsage, "--tls-cert and --tls-key go together: give both or none");
  }
  const auto log_format = host::parse_log_format(arguments.log_format);
  if (!log_format) {
    return fail(ExitCode::kUsage, "--log-format '" + arguments.log_format + "' is unknown: say text or json");
  }
  host::NativeHub::Options options{.listen = *listen, .stun = {}, .tls = {}, .database = {}, .control = {}, .hub = {}};
  if (!arguments.subnet.empty()) {
    options.hub.subnet = IpPrefix::parse(arguments.subnet);
    if (!options.hub.subnet) {
      return fail(ExitCode::kUsage, "--subnet '" + arguments.subnet + "' is no network: say it as 10.100.0.0/16");
    }
  }
  if (const auto done = choose_github(arguments, options.hub); !done) return fail(ExitCode::kUsage, done.error());
  const auto lifetime = parse_time(arguments.device_lifetime);
  if (!lifetime) {
    return fail(ExitCode::kUsage, "--device-lifetime '" + arguments.device_lifetime + "' is no time: say it as 180d");
  }
  options.hub.device_lifetime = *lifetime;
  const auto stun = choose_stun(arguments, *listen);
  if (!stun) return fail(ExitCode::kUsage, stun.error());
  options.stun = *stun;

  const host::HubFolder folder(arguments.data);
  if (const auto made = folder.create(); !made) return fail(ExitCode::kFailed, made.error());
  if (const auto done = host::become_hub_user(arguments.data); !done) return fail(done.error().code, done.error().text);
  // Whoever sees the lock may send the signal; it waits until the loop runs.
  net::Loop loop;
  std::function<void()> on_restored;
  loop.on_user_signal([&] { on_restored(); });
  loop.on_signal([](int) {});  // from here on a signal waits for serve(), so that nothing is left half made
  const auto lock = os::FileLock::acquire(folder.lock());
  if (!lock) {
    const bool held = lock.error().code == os::Error::kBusy;
    return fail(ExitCode::kFailed,
                (held ? "another hub uses " : "cannot use ") + arguments.data + ": " + lock.error().text);
  }
  const host::HubStart start{.own_identity = !arguments.plain_http && arguments.tls_cert.empty(),
                             .knows_url = !arguments.public_url.empty(),
                             .begin_new = arguments.begin_new};
  if (const auto whole = folder.check(start); !whole) return fail(ExitCode::kFailed, whole.error());
  const auto tls = choose_tls(arguments, folder);
  if (!tls) return fail(ExitCode::kFailed, tls.error());
  const auto url = choose_public_url(arguments, *listen, folder);
  if (!url) return fail(ExitCode::kUsage, url.error());
  // A hub that begins has no network yet, or another one than before.
  const auto before = std::filesystem::exists(folder.begun()) ? std::nullopt : std::optional(folder.read_address());
  const std::string network = before && *before ? (*before)->network : "";
  if (const auto kept = folder.write_address({*url, tls->fingerprint, network}); !kept)
    return fail(ExitCode::kFailed, kept.error());

  options.tls = tls->context;
  options.database = folder.database().string();
  options.control = folder.control_socket().string();
  options.hub.server_url = *url;
  options.hub.version = kVersion;
  if (options.stun && !url->empty()) {
    const std::string host = net::Url::parse(*url)->host;
    const bool v6 = host.find(':') != std::string::npos;
    const std::string at = (v6 ? "[" + host + "]" : host) + ":" + std::to_string(options.stun->port);
    options.hub.stun = {"stun:" + at};
    options.hub.turn = {"turn:" + at + "?transport=udp"};
  }
  if (const auto at = net::Url::parse(*url)) {
    options.hub.turn.push_back((at->tls ? "wss://" : "ws://") + at->authority() + "/turn");
  }

  const host::HubLog log(*log_format, arguments.verbose);
  os::raise_descriptor_limit();
  auto hub = host::NativeHub::start(loop, log, std::move(options));
  if (!hub) return fail(ExitCode::kFailed, "cannot start the hub: " + hub.error());
  if (const auto named = folder.name_network((*hub)->network_id()); !named)
    log.error("network_not_kept", named.error());
  if (const auto settled = folder.settle(); !settled) return fail(ExitCode::kFailed, settled.error());
  if (const auto done = host::keep_no_rights(); !done) return fail(done.error().code, done.error().text);
  os::notify_ready();
  announce(log, arguments, **hub, *stun, *url);
  return serve(loop, log, arguments, **hub, on_restored);
}

ExitCode run_hub_token(const HubTokenArguments& arguments) {
  const auto ttl = parse_time(arguments.ttl);
  if (!ttl) return fail(ExitCode::kUsage, "--ttl '" + arguments.ttl + "' is no time: say it as 30m, 24h or 7d");
  const host::HubFolder folder(arguments.data);
  const auto address = folder.read_address();
  if (!address) return fail(ExitCode::kFailed, address.error());
  const auto url = net::Url::parse(address->public_url);
  if (!url) {
    return fail(ExitCode::kFailed,
                "the hub does not know by which address devices reach it: start it with "
                "--public-url https://NAME:PORT");
  }
  auto database = host::open_database_of(folder);
  if (!database) return fail(ExitCode::kFailed, database.error());
  host::HubSql sql(std::move(*database));
  os::NativeCrypto crypto;
  os::SystemRandom random;
  auto hub = hub::Hub::create({}, sql, crypto, random, net::now(), net::unix_now());
  if (!hub) return fail(ExitCode::kFailed, sql.explain(hub::to_string(hub.error())));
  const auto token = (*hub)->create_join_token(
      net::now(), net::unix_now(),
      {.uses = arguments.uses, .ttl_s = *ttl, .admin = arguments.admin, .name = arguments.for_name});
  if (!token) {
    const bool typed = token.error() == hub::Error::kBadUses || token.error() == hub::Error::kBadLifetime ||
                       token.error() == hub::Error::kBadName;
    return fail(typed ? ExitCode::kUsage : ExitCode::kFailed, sql.explain(hub::to_string(token.error())));
  }

  config::JoinString join;
  join.host = url->host;
  join.port = url->port;
  join.token = config::SecretText(token->token);
  if (const auto digest = from_base64url(address->fingerprint); digest && digest->size() == sizeof(Sha256Digest)) {
    copy_bytes(*digest, join.fingerprint.emplace());
  }
  // A script gets the string and nothing else, also where its messages are seen.
  print_join_offer({.text = config::write_join_string(join),
                    .ttl_s = *ttl,
                    .uses = arguments.uses,
                    .name = arguments.for_name,
                    .explain = is_terminal(STDOUT_FILENO),
                    .qr = arguments.qr});
  return ExitCode::kDone;
}

}  // namespace bamgate::cli
