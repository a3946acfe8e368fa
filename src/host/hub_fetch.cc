#include "host/hub_fetch.h"

#include <string>
#include <utility>

#include "net/http.h"

namespace bamgate::host {
namespace {

asio::awaitable<hub::FetchResult> fetch_it(net::Loop& loop, hub::Fetch fetch) {
  const auto url = net::Url::parse(fetch.url);
  if (!url) co_return std::unexpected(std::string("the address to ask is no URL"));
  net::HttpCall call;
  call.url = *url;
  for (auto& [name, value] : fetch.headers) call.headers.push_back({std::move(name), std::move(value)});
  call.headers.push_back({"Authorization", std::string("Bearer ").append(fetch.bearer.view())});
  call.timeout = fetch.timeout;
  call.max_body = fetch.max_body;
  auto reply = co_await net::http_request(loop, std::move(call));
  if (!reply) co_return std::unexpected(std::move(reply.error().detail));
  co_return hub::FetchReply{reply->status, std::move(reply->body)};
}

}  // namespace

void start_fetch(net::Loop& loop, hub::Fetch fetch, std::function<void(const hub::FetchResult& result)> done) {
  loop.spawn<hub::FetchResult>(fetch_it(loop, std::move(fetch)),
                               [done = std::move(done)](hub::FetchResult result) { done(result); });
}

}  // namespace bamgate::host
