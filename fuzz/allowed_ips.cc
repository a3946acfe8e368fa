// Cryptokey routing by commands: the trie against a plain list of prefixes.
#include "wg/allowed_ips.h"

#include <map>

#include "support/decoder.h"
#include "support/require.h"

namespace {

using namespace bamgate;
using fuzz::require;

/// The same promises by looking at every prefix.
class Model {
 public:
  std::optional<int> insert(const IpPrefix& prefix, int peer) {
    const auto before = find(prefix);
    entries_[prefix.network()] = peer;
    return before;
  }
  bool remove(const IpPrefix& prefix) { return entries_.erase(prefix.network()) == 1; }
  std::optional<int> find(const IpPrefix& prefix) const {
    const auto found = entries_.find(prefix.network());
    return found == entries_.end() ? std::nullopt : std::optional(found->second);
  }
  std::optional<int> lookup(const IpAddress& address) const {
    std::optional<int> best;
    int longest = -1;
    for (const auto& [prefix, peer] : entries_) {
      if (prefix.length <= longest || !prefix.contains(address)) continue;
      longest = prefix.length;
      best = peer;
    }
    return best;
  }
  bool empty() const { return entries_.empty(); }

 private:
  std::map<IpPrefix, int> entries_;
};

IpAddress read_address(fuzz::Decoder& input) {
  // Few different bytes, so that prefixes meet.
  std::array<std::byte, 16> bytes{};
  const bool v4 = input.flag();
  for (std::size_t i = 0; i < (v4 ? 4U : 16U); i += v4 ? 1 : 4) bytes[i] = static_cast<std::byte>(input.u8());
  return IpAddress::from_bytes(Bytes(bytes).first(v4 ? 4 : 16));
}

IpPrefix read_prefix(fuzz::Decoder& input) {
  const IpAddress address = read_address(input);
  return {address, static_cast<std::uint8_t>(input.below(address.is_v4() ? 33 : 129))};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Decoder input(fuzz::input_of(data, size));
  wg::AllowedIps<int> table;
  Model model;
  while (!input.at_end()) {
    const std::size_t command = input.below(8);
    if (command < 3) {
      const IpPrefix prefix = read_prefix(input);
      const int peer = static_cast<int>(input.below(4));
      require(table.insert(prefix, peer) == model.insert(prefix, peer), "insert() tells who had the prefix");
    } else if (command == 3) {
      const IpPrefix prefix = read_prefix(input);
      require(table.remove(prefix) == model.remove(prefix), "remove() tells whether somebody had the prefix");
    } else if (command < 6) {
      const IpPrefix prefix = read_prefix(input);
      require(table.find(prefix) == model.find(prefix), "find() knows exactly this prefix");
    } else {
      const IpAddress address = read_address(input);
      require(table.lookup(address) == model.lookup(address), "lookup() finds the longest prefix");
    }
    require(table.empty() == model.empty(), "empty() is true when nothing is left");
  }
  return 0;
}
