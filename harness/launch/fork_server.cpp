#include "fork_server.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <cerrno>
#include <clb/base/error.hpp>
#include <clb/base/handover.hpp>
#include <clb/launch/schedule.hpp>

#include "environment.hpp"

namespace clb::launch {

namespace {

constexpr int kPatience_ms = 120'000;  // LibTorch's first load from a slow disk

// What differs between runs and is read when it is needed, not when the program is loaded.
constexpr const char* kOfTheRun[] = {"CUDA_VISIBLE_DEVICES=", "HOME=", "TMPDIR=", "CLB_EVENT_FD="};

std::string key_of(const Spawn& what) {
  std::string key = what.program.string();
  for (const std::string& entry : merged_environment(what)) {
    bool of_the_run = false;
    for (const char* name : kOfTheRun) of_the_run |= entry.starts_with(name);
    if (!of_the_run) key.append("\n").append(entry);
  }
  return key;
}

}  // namespace

ForkServer::ForkServer(const Spawn& first) {
  auto [ours, its] = base::handover_sockets();
  Spawn server = first;
  server.arguments = {"serve"};
  server.folder.clear();
  server.out = server.err = -1;
  server.event = its.get();
  server.own_group = true;
  pid_ = launch::spawn(server);
  socket_ = std::move(ours);
}

ForkServer::~ForkServer() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::optional<pid_t> ForkServer::spawn(const Spawn& what) try {
  std::vector<std::string> texts{what.folder.string(), std::to_string(what.arguments.size())};
  texts.insert(texts.end(), what.arguments.begin(), what.arguments.end());
  for (std::string& entry : merged_environment(what)) texts.push_back(std::move(entry));
  base::hand_over(socket_.get(), texts, {what.out, what.err, what.event});
  pollfd answer{socket_.get(), POLLIN, 0};
  int ready = 0;
  do ready = poll(&answer, 1, kPatience_ms);
  while (ready < 0 && errno == EINTR);
  if (ready <= 0) return std::nullopt;
  const auto reply = base::take_over(socket_.get());
  if (!reply || reply->texts.size() != 1) return std::nullopt;
  return static_cast<pid_t>(std::stol(reply->texts[0]));
} catch (const std::exception&) {
  return std::nullopt;
}

std::optional<ForkServer>& ForkServers::begin(const Spawn& what) {
  auto [server, is_new] = servers_.try_emplace(key_of(what));
  if (is_new) try {
      server->second.emplace(what);
    } catch (const base::Error&) {  // the ordinary way says what is wrong
    }
  return server->second;
}

pid_t ForkServers::spawn(const Spawn& what) {
  if (!what.forks || what.out < 0 || what.err < 0 || what.event < 0 || !what.own_group) return launch::spawn(what);
  std::optional<ForkServer>& server = begin(what);
  if (server) {
    if (const auto pid = server->spawn(what)) return *pid;
    server.reset();
  }
  return launch::spawn(what);
}

std::shared_ptr<ForkServers> load_ahead(const RunnerPlace& runner) {
  auto servers = std::make_shared<ForkServers>();
  const Spawn run = to_start(runner, {});
  if (run.forks) servers->begin(run);
  return servers;
}

std::set<pid_t> ForkServers::pids() const {
  std::set<pid_t> all;
  for (const auto& [key, server] : servers_)
    if (server) all.insert(server->pid());
  return all;
}

}  // namespace clb::launch
