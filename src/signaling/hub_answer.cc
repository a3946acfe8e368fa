#include "signaling/hub_answer.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "core/utf8.h"
#include "json/parse.h"

namespace bamgate::signaling {
namespace {

struct Code {
  std::string_view code;
  int status;
  Verdict verdict;
};

// Every code of the hub (docs/hub.md). tests/hub_codes.py compares them with what src/hub and src/net send.
constexpr Code kCodes[] = {
    {"device not found or revoked", 401, Verdict::kGone},
    {"refresh_token_expired", 401, Verdict::kExpired},
    {"refresh_token_invalid", 401, Verdict::kSuperseded},
    {"unauthorized", 401, Verdict::kTokenRefused},
    {"invalid_token", 401, Verdict::kTokenRefused},
    {"token_expired", 401, Verdict::kTokenRefused},
    {"invalid_join_token", 401, Verdict::kRefused},
    {"join_token_expired", 401, Verdict::kRefused},
    {"join_token_used", 401, Verdict::kRefused},
    {"invalid_github_token", 401, Verdict::kRefused},
    {"bad_request", 400, Verdict::kRefused},
    {"bad_name", 400, Verdict::kRefused},
    {"bad_upgrade", 400, Verdict::kRefused},
    {"bad_upgrade", 426, Verdict::kRefused},
    {"github_not_enabled", 400, Verdict::kRefused},
    {"not_the_owner", 403, Verdict::kRefused},
    {"not_an_admin", 403, Verdict::kRefused},
    {"wrong_name", 403, Verdict::kRefused},
    {"not_found", 404, Verdict::kRefused},
    {"name_taken", 409, Verdict::kRefused},
    {"key_taken", 409, Verdict::kRefused},
    {"last_admin", 409, Verdict::kRefused},
    {"revoked", 409, Verdict::kRefused},
    {"not_revoked", 409, Verdict::kRefused},
    {"too_large", 413, Verdict::kRefused},
    {"too_many_requests", 429, Verdict::kBusy},
    {"too_many_failures", 429, Verdict::kBusy},
    {"too_many_connections", 429, Verdict::kBusy},
    {"too_many_sign_ins", 429, Verdict::kBusy},
    {"too_many_tokens", 429, Verdict::kBusy},
    {"github_unavailable", 429, Verdict::kBusy},
    {"internal", 500, Verdict::kBusy},
    {"no_address_left", 507, Verdict::kRefused},
    // What the HTTP server says by itself (net/http_connection.cc).
    {"http_400", 400, Verdict::kRefused},
    {"http_404", 404, Verdict::kRefused},
    {"http_408", 408, Verdict::kBusy},
    {"http_413", 413, Verdict::kRefused},
    {"http_431", 431, Verdict::kRefused},
    {"http_500", 500, Verdict::kBusy},
    {"http_504", 504, Verdict::kBusy},
};

constexpr std::size_t kMaxWords = 80;       // bytes of them that are shown
constexpr std::size_t kMaxSearched = 8192;  // bytes of a body in which they are looked for
constexpr std::size_t kMaxType = 40;
constexpr std::size_t kMaxMessage = 300;

char lower(char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter; }

std::size_t find_ignoring_case(std::string_view text, std::string_view word) {
  const auto found = std::ranges::search(text, word, [](char a, char b) { return lower(a) == lower(b); });
  return found.empty() ? std::string_view::npos : static_cast<std::size_t>(found.begin() - text.begin());
}

/// True for what a terminal would obey, or what would turn the text around it round: U+0080 to U+009F, U+200B to
/// U+200F, U+2028 to U+202E, U+2060 to U+206F, U+FEFF. `two`: the two bytes at the begin of a character; `three`:
/// three.
bool misleads(std::string_view rest) {
  if (rest.starts_with("\xEF\xBB\xBF")) return true;
  if (rest.size() >= 2 && rest[0] == '\xC2' && static_cast<unsigned char>(rest[1]) < 0xA0) return true;
  if (rest.size() < 3 || rest[0] != '\xE2') return false;
  const auto last = static_cast<unsigned char>(rest[2]);
  if (rest[1] == '\x81') return last >= 0xA0 && last <= 0xAF;
  return rest[1] == '\x80' && ((last >= 0x8B && last <= 0x8F) || (last >= 0xA8 && last <= 0xAE));
}

std::size_t character_size(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// Printable characters alone, white space as one space each, cut at `limit` bytes with "...".
std::string made_safe(std::string_view text, std::size_t limit) {
  const bool utf8 = is_utf8(text);
  std::string safe;
  bool gap = false;
  while (!text.empty()) {
    const std::size_t size = utf8 ? std::min(character_size(text.front()), text.size()) : 1;
    const std::string_view character = text.substr(0, size);
    const auto first = static_cast<unsigned char>(text.front());
    const bool control = size == 1 && (first <= ' ' || first >= 0x7f);
    const bool dropped = control || misleads(text);
    text.remove_prefix(size);
    gap = gap || (dropped && !safe.empty());
    if (dropped) continue;
    if (std::exchange(gap, false)) safe += ' ';
    if (safe.size() + size > limit) return safe + "...";
    safe += character;
  }
  return safe;
}

/// Without what stands between '<' and '>', and without scripts and styles.
std::string without_markup(std::string_view page) {
  std::string text;
  while (!page.empty()) {
    const std::size_t open = page.find('<');
    text += page.substr(0, open);
    if (open == std::string_view::npos) break;
    page.remove_prefix(open);
    for (const std::string_view hidden : {std::string_view("<script"), std::string_view("<style")}) {
      if (find_ignoring_case(page.substr(0, hidden.size()), hidden) != 0) continue;
      const std::size_t end = find_ignoring_case(page, std::string("</").append(hidden.substr(1)));
      page.remove_prefix(std::min(end, page.size()));
    }
    const std::size_t close = page.find('>');
    page.remove_prefix(close == std::string_view::npos ? page.size() : close + 1);
    text += ' ';
  }
  return text;
}

std::string_view title_of(std::string_view page) {
  const std::size_t open = find_ignoring_case(page, "<title");
  if (open == std::string_view::npos) return {};
  page.remove_prefix(open);
  const std::size_t begin = page.find('>');
  if (begin == std::string_view::npos) return {};
  page.remove_prefix(begin + 1);
  return page.substr(0, page.find('<'));
}

/// "application/json; charset=utf-8" names JSON too.
bool says_json(std::string_view content_type) {
  constexpr std::string_view kJson = "application/json";
  if (find_ignoring_case(content_type.substr(0, kJson.size()), kJson) != 0) return false;
  const std::string_view rest = content_type.substr(kJson.size());
  return rest.empty() || rest.front() == ';' || rest.front() == ' ' || rest.front() == '\t';
}

const Code* find_code(std::string_view code, int status) {
  const auto* found =
      std::ranges::find_if(kCodes, [&](const Code& known) { return known.code == code && known.status == status; });
  return found == std::end(kCodes) ? nullptr : found;
}

HubFault refusal(const Code& known, const std::string* message, bool proven) {
  HubFault fault{.verdict = known.verdict,
                 .text = "the hub refused: " + std::string(known.code),
                 .code = std::string(known.code),
                 .status = known.status};
  if (known.verdict == Verdict::kExpired) {
    fault.text =
        "this device was away for too long, and its credentials have expired; an administrator lets it in again with "
        "'bamgate devices renew', or run 'bamgate setup' with a new join string";
    return fault;
  }
  if (known.verdict == Verdict::kSuperseded) {
    fault.text =
        "the hub takes neither of this device's refresh tokens: another machine seems to use this folder or has taken "
        "over this device's name, or an older copy of the folder was brought back; each machine needs a folder of its "
        "own, so run 'bamgate setup' with a new join string on one of them";
    return fault;
  }
  if (message != nullptr && !message->empty()) fault.text += ": " + made_safe(*message, kMaxMessage);
  if (known.verdict == Verdict::kGone && !proven) {
    // Anybody on the way can say so over plain HTTP.
    fault.verdict = Verdict::kRefused;
    fault.text += " (said over plain HTTP, where nobody proves to be the hub, so it is not taken for final)";
  }
  return fault;
}

}  // namespace

std::string first_words(std::string_view body) {
  std::string_view seen = body.substr(0, kMaxSearched);
  // Not in the middle of a character.
  while (seen.size() < body.size() && !seen.empty() && (static_cast<unsigned char>(body[seen.size()]) & 0xC0) == 0x80) {
    seen.remove_suffix(1);
  }
  const std::string title = made_safe(title_of(seen), kMaxWords);
  if (!title.empty()) return title;
  const bool markup = seen.find('<') != std::string_view::npos;
  return made_safe(markup ? without_markup(seen) : std::string(seen), kMaxWords);
}

HubFault not_the_hub(const HttpAnswer& answer) {
  HubFault fault;
  fault.status = answer.status;
  fault.text = "something that is not the hub answered with status " + std::to_string(answer.status);
  const std::string type = made_safe(answer.content_type.substr(0, answer.content_type.find(';')), kMaxType);
  if (!type.empty()) fault.text += ", " + type;
  const std::string words = first_words(answer.body);
  fault.text += words.empty() ? ", without a word" : ", \"" + words + "\"";
  return fault;
}

std::expected<json::Value, HubFault> read_hub_answer(const HttpAnswer& answer, bool proven) {
  if (!says_json(answer.content_type)) return std::unexpected(not_the_hub(answer));
  auto body = json::parse(answer.body, {.max_bytes = kMaxHubAnswer});
  if (!body || body->as_object() == nullptr) return std::unexpected(not_the_hub(answer));
  const std::string* code = body->get_string("error");
  if (answer.status == 200 && code == nullptr) return std::move(*body);
  const Code* known = code == nullptr ? nullptr : find_code(*code, answer.status);
  if (known == nullptr) return std::unexpected(not_the_hub(answer));
  return std::unexpected(refusal(*known, body->get_string("message"), proven));
}

HubFault read_upgrade_refusal(const HttpAnswer& answer, bool proven) {
  auto body = read_hub_answer(answer, proven);
  if (body) return not_the_hub(answer);  // no upgrade is answered so by the hub
  HubFault fault = std::move(body.error());
  if (fault.code == "bad_request" || fault.code == "bad_upgrade" || fault.code == "not_found") {
    fault.verdict = Verdict::kUnreachable;
    fault.text +=
        "; the request for a WebSocket did not arrive as it was sent: a proxy on the way, or the one in front of the "
        "hub, takes away its Upgrade field and must be told to pass WebSocket on";
  }
  return fault;
}

}  // namespace bamgate::signaling
