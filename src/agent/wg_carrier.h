// The carrier of packets: the WireGuard tunnel to one peer, which lives as long as the peer is known, with the bridge
// to the TUN device. Left out: the packets that the bridge seals at once, which their owner hands to the link itself.
#pragma once

#include <chrono>
#include <optional>

#include "agent/carrier.h"
#include "agent/shared.h"
#include "agent/status.h"
#include "bridge/bridge.h"
#include "wg/tunnel.h"

namespace bamgate::agent {

class WgCarrier final : public Carrier {
 public:
  /// The side that speaks first starts WireGuard's handshake; when none is complete after this time the other side
  /// tries too.
  static constexpr auto kHandshakePatience = std::chrono::seconds(3);

  /// The bridge knows the tunnel by `index` until the carrier ends.
  WgCarrier(Shared& shared, bridge::PeerIndex index, wg::Tunnel tunnel);
  WgCarrier(const WgCarrier&) = delete;
  WgCarrier& operator=(const WgCarrier&) = delete;
  /// What its tunnel counted is added to Shared::ended.
  ~WgCarrier() override;

  void opened(Instant now, bool first) override;
  void closed() override;
  void restarted(Instant now) override { tunnel_.reset(now); }
  /// What is in it goes to the TUN.
  bool on_message(Instant now, PacketBuffer message) override;
  std::optional<CarrierMessage> poll_message(Instant now) override;
  bool is_secured() const override { return secured_; }
  void handle_timeout(Instant now) override;
  Instant next_timeout() const override { return std::min(tunnel_.next_timeout(), handshake_due_); }

  /// Fills in what `bamgate status` shows of WireGuard.
  void describe(Instant now, PeerStatus& status) const;

  bridge::PeerIndex index() const { return index_; }
  const wg::Tunnel& tunnel() const { return tunnel_; }

 private:
  Shared& shared_;
  bridge::PeerIndex index_;
  wg::Tunnel tunnel_;
  Instant handshake_due_ = kNever;  // when the other side has been waited for long enough
  bool open_ = false;
  bool secured_ = false;  // a handshake is complete on the channel that is open
};

}  // namespace bamgate::agent
