// A real Slurm on this machine: munged, slurmctld and two slurmd that play two nodes, in a folder of its own, without cgroups, systemd or
// accounting. It needs root and Debian's slurm-wlm and munge; where it does not come up, `obstacle()` says why.
#pragma once

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "support/temp_folder.hpp"

namespace clb::testing {

namespace fs = std::filesystem;

inline bool wait_until(const std::function<bool()>& condition, std::chrono::seconds patience) {
  for (const auto end = std::chrono::steady_clock::now() + patience; std::chrono::steady_clock::now() < end;
       std::this_thread::sleep_for(std::chrono::milliseconds(200)))
    if (condition()) return true;
  return condition();
}

class SlurmCluster {
 public:
  SlurmCluster() {
    obstacle_ = reason_not_to_start();
    if (!obstacle_.empty()) return;
    prepare_munge();
    write_file(conf(), configuration());
    start("munged",
          {"munged", "--foreground", "--key-file=" + path("munge/key"), "--socket=" + path("munge/socket"),
           "--pid-file=" + path("munge/pid"), "--log-file=" + path("munge/log"), "--seed-file=" + path("munge/seed")},
          "munge");
    wait_until([&] { return fs::exists(path("munge/socket")); }, std::chrono::seconds(20));
    start("slurmctld", {"slurmctld", "-D", "-c"});
    for (const char* node : {"n1", "n2"}) start_node(node);
    if (!wait_until([&] { return said({"sinfo", "--noheader", "--format=%D %T"}) == "2 idle\n"; }, std::chrono::seconds(60)))
      obstacle_ = "its two nodes did not come up within 60 s: " + said({"sinfo", "--noheader", "--format=%D %T %E"});
  }
  ~SlurmCluster() {
    if (pids_.contains("slurmctld")) said({"scancel", "--user=root"});
    for (const char* name : {"n1", "n2", "slurmctld", "munged"}) end(name, SIGTERM);
  }
  SlurmCluster(const SlurmCluster&) = delete;

  const std::string& obstacle() const { return obstacle_; }
  fs::path conf() const { return folder_.path() / "slurm.conf"; }

  void start_node(const std::string& node) { start(node, {"slurmd", "-D", "-N", node}); }

  // As when its power goes: the daemon, and all that it has started.
  void kill_node(const std::string& node) {
    end(node, SIGKILL);
    for (const pid_t pid : jobs_on(node)) kill(pid, SIGKILL);
  }

  // What a command prints.
  std::string said(const std::vector<std::string>& words) const {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return "";
    const pid_t pid = launch(words, ends[1], "");
    close(ends[1]);
    std::string text;
    char bytes[4096];
    for (ssize_t n; (n = read(ends[0], bytes, sizeof bytes)) > 0;) text.append(bytes, static_cast<size_t>(n));
    close(ends[0]);
    waitpid(pid, nullptr, 0);
    return text;
  }

 private:
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

  static std::string reason_not_to_start() {
    for (const char* program : {"/usr/sbin/munged", "/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/bin/sbatch"})
      if (access(program, X_OK) != 0) return std::string(program) + " is missing (packages slurm-wlm and munge)";
    if (geteuid() != 0) return "slurmd runs jobs as their users, for which it has to be root";
    if (!getpwnam("munge")) return "there is no user munge";
    return "";
  }

  // munged is particular about who may write to what leads to its files.
  void prepare_munge() const {
    fs::permissions(folder_.path(), fs::perms(0755));
    fs::create_directories(folder_.path() / "munge");
    std::string key(1024, '\0');
    std::random_device random;
    for (char& byte : key) byte = static_cast<char>(random());
    write_file(path("munge/key"), key);
    const passwd* munge = getpwnam("munge");
    for (const char* name : {"munge", "munge/key"})
      if (chown(path(name).c_str(), munge->pw_uid, munge->pw_gid) != 0) throw std::runtime_error("chown");
    fs::permissions(path("munge/key"), fs::perms(0400));
    fs::permissions(path("munge"), fs::perms(0755));
  }

  static int free_port() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const bool found =
        bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 && getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    close(fd);
    if (!found) throw std::runtime_error("no free port");
    return ntohs(address.sin_port);
  }

  std::string configuration() const {
    char name[256] = {};
    gethostname(name, sizeof name - 1);
    const std::string host = name;
    const auto node = [&](const std::string& id) {
      return "NodeName=" + id + " NodeHostname=" + host + " NodeAddr=127.0.0.1 Port=" + std::to_string(free_port()) +
             " CPUs=2 State=UNKNOWN\n";
    };
    return "ClusterName=sweep\nSlurmctldHost=" + host + "(127.0.0.1)\nSlurmctldPort=" + std::to_string(free_port()) +
           "\nSlurmUser=root\nSlurmdUser=root\nAuthType=auth/munge\nAuthInfo=socket=" + path("munge/socket") +
           "\nCredType=cred/munge\nStateSaveLocation=" + path("state") + "\nSlurmdSpoolDir=" + path("spool-%n") +
           "\nSlurmctldPidFile=" + path("slurmctld.pid") + "\nSlurmdPidFile=" + path("slurmd-%n.pid") +
           "\nProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nSwitchType=switch/none\nMpiDefault=none\nReturnToService=2\n"
           "SchedulerType=sched/builtin\nSchedulerParameters=sched_interval=2\nSelectType=select/cons_tres\n"
           "SelectTypeParameters=CR_Core,CR_LLN\nAccountingStorageType=accounting_storage/none\nJobAcctGatherType=jobacct_gather/none\n"
           "SlurmctldTimeout=10\nSlurmdTimeout=10\nKillWait=20\n" +
           node("n1") + node("n2") + "PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP\n";
  }

  // stdout and stderr into `out`; as `user`, empty: as we are.
  pid_t launch(const std::vector<std::string>& words, int out, const std::string& user) const {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    if (!user.empty()) {
      const passwd* who = getpwnam(user.c_str());
      if (setgid(who->pw_gid) != 0 || setuid(who->pw_uid) != 0) _exit(126);
    }
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    setenv("SLURM_CONF", conf().c_str(), 1);
    setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
    std::vector<char*> argv;
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    execvp(argv[0], argv.data());
    _exit(127);
  }

  void start(const std::string& name, const std::vector<std::string>& words, const std::string& user = "") {
    fs::create_directories(path("state"));
    const int log = open(path(name + ".out").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pids_[name] = launch(words, log, user);
    close(log);
  }

  void end(const std::string& name, int signal) {
    const auto found = pids_.find(name);
    if (found == pids_.end()) return;
    kill(found->second, signal);
    int status = 0;
    if (!wait_until([&] { return waitpid(found->second, &status, WNOHANG) != 0; }, std::chrono::seconds(10))) {
      kill(found->second, SIGKILL);
      waitpid(found->second, &status, 0);
    }
    pids_.erase(found);
  }

  // What runs as a job on a node, and the slurmstepd above each, which has taken its leave of slurmd.
  std::vector<pid_t> jobs_on(const std::string& node) const {
    const std::string on = '\0' + std::string("SLURMD_NODENAME=") + node + '\0', ours = "SLURM_CONF=" + conf().string();
    std::vector<pid_t> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
      const std::string name = entry.path().filename().string();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      std::ifstream in(entry.path() / "environ", std::ios::binary);
      const std::string environment = '\0' + std::string(std::istreambuf_iterator<char>(in), {});
      if (environment.find(on) == std::string::npos || environment.find(ours) == std::string::npos) continue;
      found.push_back(std::stoi(name));
      std::ifstream stat(entry.path() / "stat");
      std::string text;
      std::getline(stat, text);
      int parent = 0;
      if (std::sscanf(text.c_str() + text.rfind(')') + 1, " %*c %d", &parent) != 1 || parent < 2) continue;
      std::ifstream title(entry.path().parent_path() / std::to_string(parent) / "cmdline");
      std::getline(title, text);
      if (text.starts_with("slurmstepd")) found.push_back(parent);
    }
    return found;
  }

  TempFolder folder_;
  std::string obstacle_;
  std::map<std::string, pid_t> pids_;
};

}  // namespace clb::testing
