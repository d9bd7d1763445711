// A method that opens weights of two roles.
#include "class_means.hpp"

namespace {

class TwoRoles final : public ClassMeans {
 public:
  static constexpr clb::About about{
      .id = "two_roles", .version = "1.0.0", .paper = "none: a test", .capabilities = clb::kFrozenFeatures | clb::kBitwise};
  static constexpr const char* roles[] = {"main", "clip"};

  void create() override {
    if (ctx().weights("clip").size == 0) throw clb::PluginError(CLB_E_INTERNAL, "no bytes");
  }
};

}  // namespace

CLB_METHOD(TwoRoles)
