#include "config/pins.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "core/device_name.h"
#include "core/encoding.h"

namespace bamgate::config {
namespace {

constexpr std::string_view kHeader = "# bamgate pins 1";
constexpr std::size_t kMaxPinsFile = 1 << 20;
constexpr std::size_t kMaxNetwork = 300;
constexpr std::size_t kMaxWords = 5;

std::unexpected<ConfigError> broken(unsigned line, std::string what) {
  return std::unexpected(ConfigError{Error::kSyntax, line, "", std::move(what),
                                     "mend the line, or move the file away: then each device's key is taken as the hub "
                                     "names it next"});
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (words.size() <= kMaxWords) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.empty()) break;
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return words;
}

std::optional<UnixTime> read_time(std::string_view text) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0) return std::nullopt;
  return UnixTime{seconds};
}

/// Reads the lines into one value.
class Reader {
 public:
  std::expected<void, ConfigError> line(unsigned number, const std::vector<std::string_view>& words) {
    if (words.front() == "network" && words.size() == 2 && words[1].size() <= kMaxNetwork && pins_.network.empty()) {
      pins_.network = words[1];
      return {};
    }
    const bool refused = words.front() == "refused" && words.size() == 4;
    if (!refused && !(words.front() == "pin" && words.size() == 5))
      return broken(number, "it is no line of a pins file");
    const auto key = array_from_base64<32>(words[2]);
    const auto since = read_time(words[3]);
    if (!is_device_name(words[1])) return broken(number, "it names no device");
    if (!key) return broken(number, "it has no key");
    if (!since) return broken(number, "it has no time in Unix seconds");
    return refused ? take_refused(number, words[1], {*key, *since}) : take_pin(number, words, *key, *since);
  }
  Pins take() { return std::move(pins_); }

 private:
  std::expected<void, ConfigError> take_pin(unsigned number, const std::vector<std::string_view>& words,
                                            const PinnedKey& key, UnixTime since) {
    if (words[4] != "hub" && words[4] != "trusted") return broken(number, "it does not say hub or trusted at its end");
    if (pins_.pins.size() >= kMaxPins) return broken(number, "there are more than 4096 of them");
    const auto by = words[4] == "hub" ? PinnedBy::kHub : PinnedBy::kTrusted;
    if (!places_.emplace(words[1], pins_.pins.size()).second) return broken(number, "this name stands twice");
    pins_.pins.push_back({std::string(words[1]), key, since, by});
    return {};
  }
  std::expected<void, ConfigError> take_refused(unsigned number, std::string_view name, const Pin::Refused& refused) {
    const auto place = places_.find(name);
    if (place == places_.end()) return broken(number, "this name is not pinned above");
    pins_.pins[place->second].refused = refused;
    return {};
  }

  Pins pins_;
  std::map<std::string, std::size_t, std::less<>> places_;
};

}  // namespace

std::expected<Pins, ConfigError> parse_pins(std::string_view text) {
  if (text.empty()) return broken(0, "it is empty");
  if (text.size() > kMaxPinsFile) return broken(0, "it is too large");
  Reader reader;
  for (unsigned number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (number == 1 && line != kHeader) return broken(1, "it does not begin with \"" + std::string(kHeader) + "\"");
    const auto words = words_of(line);
    if (words.empty() || words.front().starts_with('#')) continue;
    if (auto read = reader.line(number, words); !read) return std::unexpected(std::move(read.error()));
  }
  return reader.take();
}

std::string write_pins(const Pins& pins) {
  std::string text(kHeader);
  text += "\n# Which key each device has. Written by bamgate; 'bamgate devices trust NAME' changes it.\n";
  if (!pins.network.empty()) text += "network " + pins.network + "\n";
  for (const Pin& pin : pins.pins) {
    text += "pin " + pin.name + " " + to_base64(pin.key) + " " + std::to_string(pin.since.seconds) +
            (pin.by == PinnedBy::kHub ? " hub\n" : " trusted\n");
    if (!pin.refused) continue;
    text += "refused " + pin.name + " " + to_base64(pin.refused->key) + " " +
            std::to_string(pin.refused->since.seconds) + "\n";
  }
  return text;
}

}  // namespace bamgate::config
