#include "loopback_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <stdexcept>

namespace clb::testing {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPatience{20'000};

bool send_all(int client, const char* data, size_t count) {
  while (count > 0) {
    const ssize_t sent = send(client, data, count, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    count -= static_cast<size_t>(sent);
  }
  return true;
}

HttpRequest parse(const std::string& text) {
  HttpRequest request;
  const size_t line_end = text.find("\r\n"), space = text.find(' ');
  request.target = text.substr(space + 1, text.find(' ', space + 1) - space - 1);
  for (size_t at = line_end + 2; at < text.size();) {
    const size_t end = text.find("\r\n", at), colon = text.find(": ", at);
    if (end == std::string::npos || end == at) break;
    if (colon < end) {
      std::string name = text.substr(at, colon - at);
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      request.headers[name] = text.substr(colon + 2, end - colon - 2);
    }
    at = end + 2;
  }
  return request;
}

}  // namespace

LoopbackServer::LoopbackServer(Answerer answerer)
    : answerer_(std::move(answerer)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  int stop[2];
  if (listener_.get() < 0 || bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      listen(listener_.get(), 16) != 0 || getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0 ||
      pipe2(stop, O_CLOEXEC) != 0)
    throw std::runtime_error("no server on the loopback interface");
  stop_read_ = base::Descriptor(stop[0]);
  stop_write_ = base::Descriptor(stop[1]);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

LoopbackServer::~LoopbackServer() {
  stop_write_.reset();
  thread_.join();
}

std::string LoopbackServer::url(const std::string& path) const { return "http://127.0.0.1:" + std::to_string(port_) + path; }

std::vector<HttpRequest> LoopbackServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

bool LoopbackServer::wait_for(int descriptor, short events, milliseconds longest) const {
  pollfd watched[2] = {{stop_read_.get(), POLLIN, 0}, {descriptor, events, 0}};
  const int ready = poll(watched, 2, static_cast<int>(longest.count()));
  return ready > 0 && watched[0].revents == 0;
}

void LoopbackServer::serve() {
  while (wait_for(listener_.get(), POLLIN, milliseconds(-1))) {
    const base::Descriptor client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (client.get() >= 0) answer(client.get());
  }
}

void LoopbackServer::answer(int client) {
  std::string text;
  char buffer[4096];
  while (text.find("\r\n\r\n") == std::string::npos) {
    if (!wait_for(client, POLLIN, kPatience)) return;
    const ssize_t got = recv(client, buffer, sizeof buffer, 0);
    if (got <= 0) return;
    text.append(buffer, static_cast<size_t>(got));
  }
  const HttpRequest request = parse(text);
  HttpAnswer answer;
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    answer = answerer_(request, requests_.size() - 1);
  }
  std::string head = "HTTP/1.1 " + std::to_string(answer.status) + " Said\r\nConnection: close\r\n";
  for (const std::string& header : answer.headers) head += header + "\r\n";
  if (answer.with_length) head += "Content-Length: " + std::to_string(answer.stated_length.value_or(answer.body.size())) + "\r\n";
  head += "\r\n";
  if (send_all(client, head.data(), head.size())) send_body(client, answer);
}

void LoopbackServer::send_body(int client, const HttpAnswer& answer) const {
  const size_t end = std::min({answer.body.size(), answer.break_after.value_or(SIZE_MAX), answer.stall_after.value_or(SIZE_MAX)});
  for (size_t at = 0; at < end;) {
    const size_t count = std::min(answer.piece, end - at);
    if (!send_all(client, answer.body.data() + at, count)) return;
    at += count;
    if (answer.pause.count() > 0 && wait_for(client, POLLRDHUP, answer.pause)) return;
  }
  if (answer.stall_after) wait_for(client, POLLRDHUP, kPatience);
}

HttpAnswer file_answer(const HttpRequest& request, const std::string& content, const std::string& etag) {
  HttpAnswer answer;
  answer.headers = {"ETag: " + etag, "Content-Type: application/octet-stream"};
  answer.body = content;
  const std::string range = request.header("range"), condition = request.header("if-range");
  if (!range.starts_with("bytes=") || (!condition.empty() && condition != etag)) return answer;
  const size_t from = std::stoul(range.substr(6));
  if (from >= content.size()) return {.status = 416, .headers = {"Content-Range: bytes */" + std::to_string(content.size())}, .body = ""};
  answer.status = 206;
  answer.headers.push_back("Content-Range: bytes " + std::to_string(from) + "-" + std::to_string(content.size() - 1) + "/" +
                           std::to_string(content.size()));
  answer.body = content.substr(from);
  return answer;
}

}  // namespace clb::testing
