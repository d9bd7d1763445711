// Keeps what it should not, or asks for what it should not have, beyond its state: in a file, in shared memory, in the environment, through
// a socket, in another process, or from files at a path that it knows.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "class_means.hpp"

namespace {

class Outside final : public ClassMeans {
 public:
  static constexpr clb::About about{.id = "outside", .version = "1.0.0", .paper = "none: a test", .capabilities = clb::kBitwise};
  static void params(clb::Params<Outside>& p) {
    p.choice("where", &Outside::where_, {"file", "shared_memory", "known_path", "socket", "program", "environment"}, "what it reaches for");
    p.string("path", &Outside::path_, "of the file");
  }

  void end_task() override {
    if (where_ == "file") std::ofstream(path_, std::ios::app) << "what it learned";
    if (where_ == "known_path") std::ifstream(path_).get();
    if (where_ == "environment") setenv("CLB_FAULT_BANK", std::to_string(task().index).c_str(), 1);
    if (where_ == "socket") close(socket(AF_UNIX, SOCK_STREAM, 0));
    if (where_ == "program") {
      if (std::system("true") != 0) where_ = "none";
    }
    if (where_ == "shared_memory") {
      const int fd = shm_open("/clb_fault_bank", O_RDWR | O_CREAT, 0600);
      close(fd);
      shm_unlink("/clb_fault_bank");
    }
  }

 private:
  std::string where_ = "file", path_ = "/nonexistent/answers";
};

}  // namespace

CLB_METHOD(Outside)
