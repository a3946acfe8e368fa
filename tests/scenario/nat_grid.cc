#include "scenario/nat_grid.h"

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "support/source_tree.h"

namespace bamgate::sim {
namespace {

constexpr NatOptions kCone{.mapping = Mapping::kEndpointIndependent, .filtering = Filtering::kEndpointIndependent};
constexpr NatOptions kAddr{.mapping = Mapping::kEndpointIndependent, .filtering = Filtering::kAddressDependent};
constexpr NatOptions kPort{.mapping = Mapping::kEndpointIndependent, .filtering = Filtering::kAddressAndPortDependent};
constexpr NatOptions kSymAddr{.mapping = Mapping::kAddressDependent, .filtering = Filtering::kAddressDependent};
constexpr NatOptions kSym{.mapping = Mapping::kAddressAndPortDependent,
                          .filtering = Filtering::kAddressAndPortDependent};

bool read_is_direct(const std::string& word) {
  if (word == "direct" || word == "relayed") return word == "direct";
  throw std::runtime_error("nat_grid.txt: " + word + " is neither direct nor relayed");
}

/// A home network of this kind; `number` keeps its addresses apart from those of other ones.
Segment& add_home(Network& network, const std::string& kind, int number) {
  const std::string n = std::to_string(number);
  const std::string outer = "198.51.100." + n;
  const auto nat = [&](const NatOptions& options) -> Segment& { return network.add_lan("home" + n, outer, options); };
  if (kind == "cone") return nat(kCone);
  if (kind == "addr") return nat(kAddr);
  if (kind == "port") return nat(kPort);
  if (kind == "sym-addr") return nat(kSymAddr);
  if (kind == "sym") return nat(kSym);
  LanOptions lan{.external = outer, .nat = kPort};
  if (kind == "cgn" || kind == "cgn-sym") {
    lan.nat = kind == "cgn" ? kPort : kSym;
    Segment& carrier = network.add_network("carrier" + n, lan);
    return network.add_network("home" + n, {.parent = &carrier, .external = "100.64.0." + n, .nat = kPort});
  }
  if (kind == "v6") lan.external.clear();
  if (kind == "dual") lan.nat = kSym;
  if (kind == "v6" || kind == "dual") {
    lan.prefix6 = "2001:db8:" + n + "::/64";
  } else if (kind == "no-udp") {
    lan.passes = Passes::kTcp;
  } else if (kind == "tcp-443") {
    lan.passes = Passes::kTcp443;
  } else {
    throw std::runtime_error("nat_grid.txt: there is no network '" + kind + "'");
  }
  return network.add_network("home" + n, lan);
}

void add_device(World& world, const std::string& name, const std::string& kind, int number) {
  const std::string n = std::to_string(number);
  if (kind == "open") {
    world.add_device(name, world.network.internet(), {"203.0.113.10" + n, "2001:db8::" + n});
    return;
  }
  Segment& home = add_home(world.network, kind, number);
  std::vector<std::string> addresses;
  if (kind != "v6") addresses.push_back("192.168.1.2");  // the same in every home
  if (home.prefix6) addresses.push_back("2001:db8:" + n + "::2");
  world.add_device(name, home, addresses);
}

void add_neighbours(World& world, Segment& lan) {
  world.add_device("anna", lan, {"192.168.1.2"});
  world.add_device("bert", lan, {"192.168.1.3"});
}

void add_place(World& world, const std::string& place) {
  Network& network = world.network;
  NatOptions hairpins = kPort;
  hairpins.hairpin = Hairpin::kExternalSource;
  if (place == "same-lan") return add_neighbours(world, network.add_lan("home", "198.51.100.1", kPort));
  if (place == "same-lan-hairpin") return add_neighbours(world, network.add_lan("home", "198.51.100.1", hairpins));
  if (place == "same-lan-sym") return add_neighbours(world, network.add_lan("home", "198.51.100.1", kSym));
  if (place == "same-lan-no-udp") return add_neighbours(world, add_home(network, "no-udp", 1));
  if (place == "rooms") {
    Segment& outer = network.add_lan("house", "198.51.100.1", kPort);
    Segment& inner = network.add_network("room", {.parent = &outer, .external = "192.168.1.9", .nat = kPort});
    world.add_device("anna", outer, {"192.168.1.2"});
    world.add_device("bert", inner, {"192.168.2.2"});
    return;
  }
  if (place != "same-cgn" && place != "same-cgn-hairpin") {
    throw std::runtime_error("nat_grid.txt: there is no place '" + place + "'");
  }
  Segment& carrier = network.add_lan("carrier", "198.51.100.1", place == "same-cgn" ? kPort : hairpins);
  Segment& left = network.add_network("left", {.parent = &carrier, .external = "100.64.0.2", .nat = kPort});
  Segment& right = network.add_network("right", {.parent = &carrier, .external = "100.64.0.3", .nat = kPort});
  world.add_device("anna", left, {"192.168.1.2"});
  world.add_device("bert", right, {"192.168.1.2"});
}

}  // namespace

std::vector<GridCell> read_grid() {
  std::ifstream file(testing::source_tree() / "tests" / "scenario" / "nat_grid.txt");
  if (!file) throw std::runtime_error("nat_grid.txt cannot be read");
  std::vector<GridCell> cells;
  std::vector<std::string> columns;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::vector<std::string> row;
    for (std::string word; words >> word;) row.push_back(word);
    if (row.empty()) continue;
    if (columns.empty()) {
      columns = row;
    } else if (row.size() == 2) {
      cells.push_back({row[0], "", read_is_direct(row[1])});
    } else {
      if (row.size() != columns.size() + 1) throw std::runtime_error("nat_grid.txt: the row of " + row[0]);
      for (std::size_t i = 0; i < columns.size(); ++i)
        cells.push_back({row[0], columns[i], read_is_direct(row[i + 1])});
    }
  }
  return cells;
}

void add_pair(World& world, const GridCell& cell) {
  if (cell.other.empty()) return add_place(world, cell.one);
  add_device(world, "anna", cell.one, 1);
  add_device(world, "bert", cell.other, 2);
}

}  // namespace bamgate::sim
