// Memory that the host goes on reading is out of a plugin's reach.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <clb/nn/weights.hpp>
#include <clb/session/host.hpp>

#include "session/made_session.hpp"

namespace {

using namespace clb;
using data::Split;

class HostMemory : public clb::testing::MadeSession {
 protected:
  static clb_weights weights_of(const session::Host& host) {
    clb_weights weights{};
    weights.struct_size = sizeof weights;
    const clb_host& table = *host.table();
    const auto* source = static_cast<const clb_weights_source*>(table.get_extension(table.self, CLB_EXT_WEIGHTS));
    EXPECT_EQ(source->open(source->self, "main", &weights), CLB_OK);
    return weights;
  }
};

void expect_out_of_reach(const void* bytes, uint64_t size) {
  const auto page = reinterpret_cast<uintptr_t>(bytes) & ~uintptr_t{4095};
  EXPECT_EQ(mprotect(reinterpret_cast<void*>(page), size, PROT_READ | PROT_WRITE), -1);
  EXPECT_EQ(errno, EACCES);
  const int self = ::open("/proc/self/mem", O_RDWR | O_CLOEXEC);  // passes over the protection of private mappings
  if (self < 0) return;
  EXPECT_LT(pwrite(self, "x", 1, static_cast<off_t>(reinterpret_cast<uintptr_t>(bytes))), 0);
  close(self);
}

TEST_F(HostMemory, WeightsThatWereDrawn) {
  spec_.weights = {{.role = "main", .sha256 = "made", .random = {.image = 32, .patch = 16, .dim = 8, .depth = 1, .heads = 2, .seed = 3}}};
  const auto s = open(0);
  const session::Host host(*s);
  const auto weights = weights_of(host);
  expect_out_of_reach(weights.bytes, weights.size);
  const auto tensors = nn::read_safetensors({static_cast<const uint8_t*>(weights.bytes), weights.size}, "drawn");
  EXPECT_EQ(tensors.at("cls_token").size(2), 8);
}

TEST_F(HostMemory, WeightsOfAFile) {
  const auto file = folder_.write("weights", std::string(10000, 'w'));
  const base::MappedFile mapped(file);
  expect_out_of_reach(mapped.bytes().data(), mapped.bytes().size());
  const auto held = base::MappedFile::of("some bytes", "a name");
  expect_out_of_reach(held.bytes().data(), held.bytes().size());
  EXPECT_EQ(std::string(held.bytes().begin(), held.bytes().end()), "some bytes");
}

TEST_F(HostMemory, NamesOfTheWeightsAreTheCallersOwn) {
  spec_.weights = {{.role = "main", .sha256 = "made", .random = {.image = 32, .patch = 16, .dim = 8, .depth = 1, .heads = 2}}};
  const auto s = open(0);
  const session::Host host(*s);
  const auto weights = weights_of(host);
  const std::string options = s->backbones.at("main").options();
  const_cast<char*>(weights.sha256)[0] = '!';
  const_cast<char*>(weights.options)[1] = '!';
  EXPECT_EQ(s->backbones.at("main").spec().sha256, "made");
  EXPECT_EQ(s->backbones.at("main").options(), options);
}

// What is written into a batch stays there: the next one has what the data set has.
TEST_F(HostMemory, BatchesAreTheReceiversOwn) {
  spec_.weights = {{.role = "main", .sha256 = "made", .random = {.image = 32, .patch = 16, .dim = 8, .depth = 1, .heads = 2}}};
  const auto s = open(0);
  const char* parts[] = {"images", "labels", "sample_ids", "main:cls"};
  auto r = request(8);
  r.view = CLB_VIEW_EVAL;
  ask(r, parts);
  const auto first = [&] { return *session::Stream(*s, r).next(); };
  const auto as_it_is = first();
  std::vector<torch::Tensor> copies;
  for (const auto& [name, tensor] : as_it_is.parts) copies.push_back(tensor.clone());
  for (const auto& [name, tensor] : as_it_is.parts) tensor.fill_(7);
  const auto again = first();
  ASSERT_EQ(again.parts.size(), std::size(parts));
  for (size_t k = 0; k < std::size(parts); ++k) EXPECT_TRUE(torch::equal(again.parts[k].second, copies[k])) << parts[k];
}

}  // namespace
