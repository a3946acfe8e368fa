// bamgate down, bamgate status: questions to the running agent.
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <thread>

#include "cli/commands.h"
#include "cli/control.h"
#include "json/write.h"
#include "os/file.h"

namespace bamgate::cli {
namespace {

std::string text_of(const json::Value* value, std::string_view key) {
  const std::string* text = value ? value->get_string(key) : nullptr;
  return text ? *text : "";
}

double number_of(const json::Value* value, std::string_view key) {
  const json::Value* found = value ? value->find(key) : nullptr;
  return found ? found->as_double().value_or(0) : 0;
}

void print_peer(const json::Value& peer) {
  const json::Value* ice = peer.find("ice");
  const json::Value* tunnel = peer.find("wireguard");
  const std::string path = text_of(&peer, "path");
  std::printf("\n%s  %s  %s", text_of(&peer, "id").c_str(), text_of(&peer, "address").c_str(),
              text_of(&peer, "state").c_str());
  if (const json::Value* since = peer.find("connected_s"); since && !since->is_null()) {
    std::printf(" for %s", human_duration(since->as_double().value_or(0)).c_str());
  }
  std::printf("\n");
  if (!path.empty()) {
    std::printf("  path       %s, %.1f ms\n", path.c_str(), number_of(ice, "rtt_ms"));
    std::printf("             %s  ->  %s\n", text_of(ice, "local").c_str(), text_of(ice, "remote").c_str());
  }
  if (const json::Value* handshake = tunnel ? tunnel->find("last_handshake_s") : nullptr;
      handshake && !handshake->is_null()) {
    std::printf("  wireguard  last handshake %s ago, %s received, %s sent\n",
                human_duration(handshake->as_double().value_or(0)).c_str(),
                human_bytes(static_cast<std::uint64_t>(number_of(tunnel, "rx_bytes"))).c_str(),
                human_bytes(static_cast<std::uint64_t>(number_of(tunnel, "tx_bytes"))).c_str());
  }
  if (const json::Array* routes = peer.get_array("routes"); routes && !routes->empty()) {
    std::printf("  routes    ");
    for (const json::Value& route : *routes) {
      if (const std::string* text = route.as_string()) std::printf(" %s", text->c_str());
    }
    std::printf("\n");
  }
}

void print_status(const json::Value& status) {
  const json::Value* device = status.find("device");
  const json::Value* hub = status.find("hub");
  std::printf("%s  %s  %s  on %s, up for %s\n", text_of(device, "name").c_str(), text_of(device, "address").c_str(),
              text_of(device, "address6").c_str(), text_of(device, "interface").c_str(),
              human_duration(number_of(&status, "uptime_s")).c_str());
  const bool connected = hub && hub->get_bool("connected").value_or(false);
  std::printf("hub  %s  %s\n", text_of(hub, "url").c_str(), connected ? "connected" : "not connected");
  const json::Array* peers = status.get_array("peers");
  if (!peers || peers->empty()) {
    std::printf("\nno other device has been seen yet\n");
    return;
  }
  for (const json::Value& peer : *peers) print_peer(peer);
}

}  // namespace

ExitCode run_status(const StatusArguments& arguments) {
  net::Loop loop;
  const auto status = ask_agent(loop, ConfigFolder(arguments.config), "status");
  if (!status) return fail(status.error().code, status.error().text);
  if (arguments.json) {
    std::printf("%s\n", json::write(*status).c_str());
  } else {
    print_status(*status);
  }
  return ExitCode::kDone;
}

ExitCode run_down(const std::string& config) {
  const ConfigFolder folder(config);
  net::Loop loop;
  const auto answer = ask_agent(loop, folder, "down");
  if (!answer) return fail(answer.error().code, answer.error().text);
  // The agent has answered after its last act but one; its lock goes with the process.
  for (int i = 0; i < 500; ++i) {
    if (os::FileLock::acquire(folder.lock())) return ExitCode::kDone;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return fail(ExitCode::kFailed, "the agent has taken the tunnel down but does not end");
}

}  // namespace bamgate::cli
