#include <ATen/dlpack.h>

#include <clb/meta.h>

#include <clb/base/precision.hpp>
#include <clb/session/learner.hpp>

namespace clb::session {
namespace {

uint32_t precision_of(const std::string& name) {
  if (name == base::kBf16) return CLB_PRECISION_BF16;
  if (name == base::kBf16Weights) return CLB_PRECISION_BF16_WEIGHTS;
  return name == "tf32" ? CLB_PRECISION_TF32 : CLB_PRECISION_FP32;
}

clb_session session_args(const Session& s, const clb_host* host, const std::vector<clb_setting>& settings) {
  clb_session args{};
  args.struct_size = sizeof args;
  args.precision = precision_of(s.spec.precision);
  args.host = host;
  args.settings = settings.data();
  args.setting_count = static_cast<uint32_t>(settings.size());
  args.setting_stride = sizeof(clb_setting);
  args.device_type = s.device.is_cuda() ? kDLCUDA : kDLCPU;
  args.device_index = s.device.is_cuda() ? s.device.index() : 0;
  args.image_height = s.views.at("", false).size().height;
  args.image_width = s.views.at("", false).size().width;
  return args;
}

// Random numbers drawn meanwhile leave no trace: whether features come from the cache cannot be seen in what follows.
class UnseenDraws {
 public:
  explicit UnseenDraws(const torch::Device& device) : generators_{at::globalContext().defaultGenerator(torch::kCPU)} {
    if (device.is_cuda()) generators_.push_back(at::globalContext().defaultGenerator(device));
    for (const auto& generator : generators_) states_.push_back(generator.get_state());
  }
  ~UnseenDraws() {
    for (size_t k = 0; k < generators_.size(); ++k) generators_[k].set_state(states_[k]);
  }
  UnseenDraws(const UnseenDraws&) = delete;

 private:
  std::vector<at::Generator> generators_;
  std::vector<torch::Tensor> states_;
};

// The host reseeds LibTorch's generators before each call, so that nothing depends on what ran before.
void reseed(const Keys& keys, int64_t task, const char* call) { torch::manual_seed(keys.number(call, {task})); }

}  // namespace

Learner::Learner(Session& session, const clb_method& table)
    : session_(session),
      host_(session),
      method_(table),
      settings_(table.params, table.param_count, table.param_stride, session.spec.method.params) {
  session.features.set_extract([this](const std::string& kind, const torch::Tensor& images) {
    const UnseenDraws unseen(session_.device);
    return method_.extract(kind, images);
  });
}

void Learner::create() {
  const auto span = session_.spans.enter("create", -1);
  session_.progress("", 0, 0);
  reseed(session_.keys, session_.task, "create");
  session_.call_plugin([&] { method_.create(session_args(session_, host_.table(), settings_.list())); });
}

void Learner::learn(int64_t index) {
  Session& s = session_;
  s.task = index;
  s.streams_opened = 0;
  const auto labels = s.protocol.labels(index);
  clb_task task{};
  task.struct_size = sizeof task;
  task.index = index;
  task.domain = s.protocol.domain(index);
  task.labels = labels.data();
  task.label_count = static_cast<int64_t>(labels.size());
  task.classes_seen = s.protocol.classes_seen(index);
  const bool horizon = (s.spec.method.capabilities & CLB_CAP_KNOWS_HORIZON) != 0;
  task.task_count = horizon ? s.protocol.task_count() : -1;
  task.class_count = horizon ? s.protocol.class_count() : -1;
  const auto call = [&](const char* name, auto&& body) {
    const auto span = s.spans.enter(name, index);
    s.progress("", 0, 0);
    reseed(s.keys, index, name);
    s.call_plugin(body);
    s.features.expect_unchanged();  // a method may have gone on without them
    synchronize(s.device);
  };
  call("begin_task", [&] { method_.begin_task(task); });
  call("train_task", [&] { method_.train_task(task); });
  call("end_task", [&] { method_.end_task(task); });
  host_.close_streams();
}

}  // namespace clb::session
