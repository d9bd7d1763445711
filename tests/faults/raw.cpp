// A method without the SDK's guard: an exception leaves train_task through the C border.
#include <ATen/dlpack.h>
#include <clb/method.h>

#include <clb/sdk/meta.hpp>
#include <stdexcept>

namespace {

int self_of_the_method = 0;

clb_method make_table() {
  clb_method m{};
  m.struct_size = sizeof m;
  m.paper = "none: a test";
  m.create = [](const clb_session*, void** self) -> clb_status { return *self = &self_of_the_method, CLB_OK; };
  m.destroy = [](void*) {};
  m.train_task = [](void*, const clb_task*) -> clb_status { throw std::runtime_error("thrown through the border"); };
  m.inputs = [](void*, clb_inputs*) -> clb_status { return CLB_OK; };
  m.predict = [](void*, const clb_question*, DLManagedTensorVersioned**) -> clb_status { return CLB_E_INTERNAL; };
  m.save = [](void*, const clb_writer*) -> clb_status { return CLB_OK; };
  m.load = [](void*, const clb_reader*) -> clb_status { return CLB_OK; };
  return m;
}

}  // namespace

CLB_PLUGIN_META(CLB_KIND_METHOD, "raw", "1.0.0", 0, CLB_LIBTORCH_VERSION, "none: a test")
extern "C" CLB_EXPORT const clb_method* clb_method_v0() {
  static const clb_method table = make_table();
  return &table;
}
