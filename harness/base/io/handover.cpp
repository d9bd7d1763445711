#include <clb/base/handover.hpp>

#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <clb/base/error.hpp>

namespace clb::base {
namespace {

constexpr size_t kMostDescriptors = 16;

[[noreturn]] void fail(const char* what) {
  throw Error(std::string("processes cannot talk with each other: ") + what + ": " + strerror(errno), Exit::kInternal);
}

// Texts may be longer than a message: they travel as a file without a name, which is the first descriptor.
Descriptor file_of(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all.append(text.c_str()).push_back('\0');
  Descriptor file(memfd_create("handover", MFD_CLOEXEC));
  if (file.get() < 0) fail("memfd_create");
  for (size_t done = 0; done < all.size();) {
    const ssize_t n = write(file.get(), all.data() + done, all.size() - done);
    if (n < 0 && errno != EINTR) fail("write");
    if (n > 0) done += static_cast<size_t>(n);
  }
  return file;
}

std::vector<std::string> texts_in(int file) {
  struct stat status {};
  if (fstat(file, &status) != 0) fail("fstat");
  std::string all(static_cast<size_t>(status.st_size), '\0');
  for (size_t done = 0; done < all.size();) {
    const ssize_t n = pread(file, all.data() + done, all.size() - done, static_cast<off_t>(done));
    if (n == 0 || (n < 0 && errno != EINTR)) fail("read");
    if (n > 0) done += static_cast<size_t>(n);
  }
  std::vector<std::string> texts;
  for (size_t begin = 0; begin < all.size();) {
    texts.emplace_back(all.c_str() + begin);
    begin += texts.back().size() + 1;
  }
  return texts;
}

// One byte, without which no descriptors travel, and room for them.
struct Envelope {
  char byte = 0;
  iovec data{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(kMostDescriptors * sizeof(int))] = {};
  msghdr message{};

  explicit Envelope(size_t descriptors) {
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
  }
  Envelope(const Envelope&) = delete;
};

}  // namespace

std::pair<Descriptor, Descriptor> handover_sockets() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) fail("socketpair");
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

void hand_over(int socket, const std::vector<std::string>& texts, const std::vector<int>& descriptors) {
  const Descriptor file = file_of(texts);
  std::vector<int> all{file.get()};
  all.insert(all.end(), descriptors.begin(), descriptors.end());
  if (all.size() > kMostDescriptors) throw Error("too many descriptors in one message", Exit::kInternal);
  Envelope envelope(all.size());
  cmsghdr* header = CMSG_FIRSTHDR(&envelope.message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(all.size() * sizeof(int));
  memcpy(CMSG_DATA(header), all.data(), all.size() * sizeof(int));
  while (sendmsg(socket, &envelope.message, MSG_NOSIGNAL) < 0)
    if (errno != EINTR) fail("sendmsg");
}

std::optional<Handover> take_over(int socket) {
  Envelope envelope(kMostDescriptors);
  ssize_t n = 0;
  do n = recvmsg(socket, &envelope.message, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n == 0 || (n < 0 && errno == ECONNRESET)) return std::nullopt;
  if (n < 0) fail("recvmsg");
  Handover received;
  for (cmsghdr* header = CMSG_FIRSTHDR(&envelope.message); header != nullptr; header = CMSG_NXTHDR(&envelope.message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    for (size_t at = 0; CMSG_LEN((at + 1) * sizeof(int)) <= header->cmsg_len; ++at) {
      int fd = -1;
      memcpy(&fd, CMSG_DATA(header) + at * sizeof(int), sizeof fd);
      received.descriptors.emplace_back(fd);
    }
  }
  if (received.descriptors.empty()) throw Error("a message between processes came without its text", Exit::kInternal);
  received.texts = texts_in(received.descriptors.front().get());
  received.descriptors.erase(received.descriptors.begin());
  return received;
}

}  // namespace clb::base
