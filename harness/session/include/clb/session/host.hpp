// The C table of the host (clb/host.h) over a Session.
#pragma once

#include <clb/host.h>

#include <clb/session/session.hpp>
#include <clb/session/stream.hpp>
#include <memory>
#include <vector>

namespace clb::session {

class Host {
 public:
  explicit Host(Session& session);
  Host(const Host&) = delete;

  const clb_host* table() const { return &table_; }
  void close_streams();  // those that a method left open

 private:
  clb_host table_{};
  Session& session_;
  std::vector<std::unique_ptr<Stream>> streams_;
  friend struct HostCalls;
};

}  // namespace clb::session
