// Closes the files of the machine to this process, for good (Landlock, and seccomp for what Landlock does not see).
#pragma once

#include <filesystem>
#include <vector>

namespace clb::session {

struct Openable {
  std::vector<std::filesystem::path> read;  // files, and folders with everything below them; what is not there is passed over
  std::vector<std::filesystem::path> own;   // folders to read and write
  bool devices = false;                     // a graphics card is used: its device files, /proc and /sys
};

// Libraries: folders of those that are loaded, of LD_LIBRARY_PATH and of the system; the plugin with the libraries beside it.
std::vector<std::filesystem::path> library_places(const std::filesystem::path& plugin);

// From here on nothing can be opened but that; as far as the kernel knows how, nobody outside is reached by TCP, abstract sockets, signals,
// shared memory, message queues, keyrings or debugging. Called while there is one thread, since later ones inherit it. False: the kernel
// has no Landlock, or refused, or other threads are running already.
bool confine(const Openable& openable);

}  // namespace clb::session
