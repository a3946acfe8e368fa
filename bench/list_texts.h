// A list as a hub sends it: as many messages as it takes.
#pragma once

#include <string>
#include <vector>

#include "signaling/message.h"

namespace bamgate::bench {

inline std::vector<std::string> list_texts(const std::vector<signaling::PeerInfo>& peers) {
  std::vector<std::string> texts;
  signaling::ListPart part;
  for (const signaling::PeerInfo& peer : peers) {
    const std::string entry = signaling::write_entry(peer);
    if (part.add_peer(entry)) continue;
    texts.push_back(part.take(true));
    part.add_peer(entry);
  }
  texts.push_back(part.take(false));
  return texts;
}

}  // namespace bamgate::bench
