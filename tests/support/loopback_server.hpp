// A web server on the loopback interface for tests, which does what a test tells it, also what no server should. One thread, one connection
// at a time, a port that the kernel chooses.
#pragma once

#include <chrono>
#include <clb/base/descriptor.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace clb::testing {

struct HttpRequest {
  std::string target;                          // "/file.tar", of a proxy "http://HOST/file.tar"
  std::map<std::string, std::string> headers;  // names in lower case
  std::string header(const std::string& name) const { return headers.contains(name) ? headers.at(name) : ""; }
};

struct HttpAnswer {
  int status = 200;
  std::vector<std::string> headers{};  // "ETag: \"a\""
  std::string body{};
  bool with_length = true;                  // Content-Length; without one the end of the connection is the end of the body
  std::optional<uint64_t> stated_length{};  // a Content-Length that is not the body's
  std::optional<size_t> break_after{};      // bytes of the body, then the connection is closed
  std::optional<size_t> stall_after{};      // bytes of the body, then nothing more until the client goes
  size_t piece = SIZE_MAX;                  // bytes at once, with a pause behind each
  std::chrono::milliseconds pause{0};
};

class LoopbackServer {
 public:
  using Answerer = std::function<HttpAnswer(const HttpRequest&, size_t number)>;  // number: of the request, from 0; on the server's thread

  explicit LoopbackServer(Answerer answerer);
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  std::string url(const std::string& path) const;
  std::vector<HttpRequest> requests() const;  // so far
  // Changes what the answerer reads, which it does not do meanwhile.
  template <class Change>
  void between_answers(const Change& change) {
    const std::lock_guard lock(mutex_);
    change();
  }

 private:
  void serve();
  void answer(int client);
  bool wait_for(int descriptor, short events, std::chrono::milliseconds longest) const;  // false: time is over, or the server ends
  void send_body(int client, const HttpAnswer& answer) const;

  Answerer answerer_;
  base::Descriptor listener_, stop_read_, stop_write_;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<HttpRequest> requests_;
  std::thread thread_;
};

// What a good server answers: the whole, or from "bytes=N-" on where If-Range names this content.
HttpAnswer file_answer(const HttpRequest& request, const std::string& content, const std::string& etag);

}  // namespace clb::testing
