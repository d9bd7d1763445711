// What a method author includes: a class derived from clb::Method and one macro line, CLB_METHOD(Class), make a plugin. See examples in
// plugins/.
//
// The SDK carries devices, precision, progress, cancellation, seeds, errors and the C ABI; a method reads parameters, pulls batches and
// returns logits.
#pragma once

#include <clb/ext/expected.h>
#include <clb/ext/trace.h>
#include <clb/ext/validation.h>
#include <clb/method.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <clb/sdk/archive.hpp>
#include <clb/sdk/context.hpp>
#include <clb/sdk/error.hpp>
#include <clb/sdk/guard.hpp>
#include <clb/sdk/meta.hpp>
#include <clb/sdk/nn_error.hpp>
#include <clb/sdk/params.hpp>
#include <clb/sdk/tensor.hpp>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace clb {

inline constexpr uint64_t kTaskIdTrain = CLB_CAP_TASK_ID_TRAIN, kTaskIdTest = CLB_CAP_TASK_ID_TEST, kKnowsHorizon = CLB_CAP_KNOWS_HORIZON,
                          kTextTower = CLB_CAP_TEXT_TOWER, kRawReplay = CLB_CAP_RAW_REPLAY, kStatisticsOnly = CLB_CAP_STATISTICS_ONLY,
                          kFrozenFeatures = CLB_CAP_FROZEN_FEATURES, kBatchDependent = CLB_CAP_BATCH_DEPENDENT,
                          kStochastic = CLB_CAP_STOCHASTIC, kExternalData = CLB_CAP_EXTERNAL_DATA, kBitwise = CLB_CAP_BITWISE,
                          kBf16 = CLB_CAP_BF16, kZeroShot = CLB_CAP_ZERO_SHOT;

// Facts of a method, as `static constexpr clb::About about{...}` of its class.
struct About {
  const char* id = "";
  const char* version = "";
  const char* paper = "";
  uint64_t capabilities = 0;
  uint32_t state_version = 1;
};

// What predict wants of each question, by the names of clb/batch.h.
class Inputs {
 public:
  static Inputs images() { return Inputs({CLB_PART_IMAGES}); }
  static Inputs features(std::string kind) { return Inputs({std::move(kind)}); }
  static Inputs features(std::vector<std::string> kinds) { return Inputs(std::move(kinds)); }
  Inputs with_features(std::string kind) && { return std::move(*this).with(std::move(kind)); }
  Inputs with_task_ids() && { return std::move(*this).with(CLB_PART_TASK_IDS); }
  Inputs with(std::string part) && {
    parts_.push_back(std::move(part));
    return std::move(*this);
  }
  const std::vector<std::string>& parts() const { return parts_; }

 private:
  explicit Inputs(std::vector<std::string> parts) : parts_(std::move(parts)) {}
  std::vector<std::string> parts_;
};

// Base class of every method. Calls come in the order of method.h; every function may throw (PluginError, nn::Error, c10::Error, ...): the
// run then fails with that sentence. No gradients are recorded in predict.
class Method {
 public:
  virtual ~Method() = default;

  virtual void create() {}      // parameters are set, ctx() works
  virtual void begin_task() {}  // task() is the new one
  virtual void train_task() = 0;
  virtual void end_task() {}
  virtual Inputs inputs() const = 0;
  // [n, batch.columns.size()] float32, or simply [n, task().classes_seen]: then those of the columns are taken from it, which are all among
  // the classes seen unless the method claims kZeroShot.
  virtual torch::Tensor predict(const Batch& batch) = 0;
  virtual torch::Tensor extract(const std::string& kind, const Batch&) {
    throw PluginError(CLB_E_UNSUPPORTED, "no feature kind \"" + kind + "\" here");
  }
  virtual void state(Archive& archive) = 0;  // everything that predict and the next task need

 protected:
  Context& ctx() const { return *context_; }
  const Task& task() const { return context_->task(); }

 private:
  template <class T>
  friend class MethodTable;
  std::unique_ptr<Context> context_;
};

// A check of `clbench validate` that a method is known to fail, as
// `static constexpr clb::ExpectedFailure expected_failures[] = {{"batch_invariance", "the reason"}}` of its class.
struct ExpectedFailure {
  const char* check;
  const char* reason;
};
template <class T>
concept HasExpectedFailures = requires {
  T::expected_failures;
};

// A smaller value for the checks of `clbench validate`, where a default computes for minutes, as
// `static constexpr clb::ValidationValue validation_values[] = {{"projection", 300}}` of its class.
struct ValidationValue {
  constexpr ValidationValue(const char* parameter, bool value) : name(parameter), value{CLB_TYPE_BOOL, 0, {.i = value}} {}
  constexpr ValidationValue(const char* parameter, int value) : name(parameter), value{CLB_TYPE_INT, 0, {.i = value}} {}
  constexpr ValidationValue(const char* parameter, int64_t value) : name(parameter), value{CLB_TYPE_INT, 0, {.i = value}} {}
  constexpr ValidationValue(const char* parameter, double value) : name(parameter), value{CLB_TYPE_FLOAT, 0, {.f = value}} {}
  constexpr ValidationValue(const char* parameter, const char* value) : name(parameter), value{CLB_TYPE_STRING, 0, {.s = value}} {}

  const char* name;
  clb_value value;
};
template <class T>
concept HasValidationValues = requires {
  T::validation_values;
};

// The weights that a method opens, where they are not "main" alone, as `static constexpr const char* roles[] = {"main", "clip"};` of its
// class.
template <class T>
concept HasRoles = requires {
  T::roles;
};

// The assets that a method opens with ctx().asset(), as `static constexpr const char* assets[] = {"vocabulary"};` of its class.
template <class T>
concept HasAssets = requires {
  T::assets;
};

// The C table of one method class: each entry unwraps `self`, calls the member and turns exceptions into a status.
template <class T>
class MethodTable {
 public:
  static const clb_method* get() {
    static const clb_method table = make();
    return &table;
  }

 private:
  struct Self {
    const clb_host* host;
    T method;
    std::vector<std::string> parts;  // behind clb_inputs
    std::vector<const char*> part_names;
  };
  static Self& self_of(void* self) { return *static_cast<Self*>(self); }

  static const Params<T>& params() { return params_of<T>(); }

  static const clb_expected_failures* expected_failures() {
    static const auto list = [] {
      std::vector<clb_expected_failure> list;
      for (const ExpectedFailure& one : T::expected_failures) list.push_back({sizeof(clb_expected_failure), 0, one.check, one.reason});
      return list;
    }();
    static const clb_expected_failures all{sizeof all, static_cast<uint32_t>(list.size()), list.data(), sizeof(clb_expected_failure), 0};
    return &all;
  }

  static const clb_validation_values* validation_values() {
    static const auto list = [] {
      std::vector<clb_setting> list;
      for (const ValidationValue& one : T::validation_values) list.push_back({sizeof(clb_setting), 0, one.name, one.value});
      return list;
    }();
    static const clb_validation_values all{sizeof all, static_cast<uint32_t>(list.size()), list.data(), sizeof(clb_setting), 0};
    return &all;
  }

  static clb_method make() {
    clb_method m{};
    m.struct_size = sizeof m;
    m.state_version = T::about.state_version;
    m.paper = T::about.paper;
    m.params = params().schema().data();
    m.param_count = static_cast<uint32_t>(params().schema().size());
    m.param_stride = sizeof(clb_param);
    if constexpr (HasRoles<T>) {
      m.roles = std::data(T::roles);
      m.role_count = static_cast<uint32_t>(std::size(T::roles));
    }
    if constexpr (HasAssets<T>) {
      m.assets = std::data(T::assets);
      m.asset_count = static_cast<uint32_t>(std::size(T::assets));
    }
    m.create = create;
    m.destroy = [](void* self) { delete static_cast<Self*>(self); };
    m.begin_task = [](void* self, const clb_task* task) {
      return guarded(self_of(self).host, [&] {
        self_of(self).method.context_->set_task(*task);
        self_of(self).method.begin_task();
      });
    };
    m.train_task = [](void* self, const clb_task*) { return guarded(self_of(self).host, [&] { self_of(self).method.train_task(); }); };
    m.end_task = [](void* self, const clb_task*) { return guarded(self_of(self).host, [&] { self_of(self).method.end_task(); }); };
    m.inputs = inputs;
    m.predict = predict;
    m.save = [](void* self, const clb_writer* writer) {
      return guarded(self_of(self).host, [&] {
        auto archive = Archive::saving(*writer);
        archived(self_of(self), archive);
        const Context& ctx = self_of(self).method.ctx();
        ctx.metric(CLB_METRIC_STATE_PARAMETER_BYTES, ctx.task().index, static_cast<double>(archive.module_bytes()));
      });
    };
    m.load = [](void* self, const clb_reader* reader) {
      return guarded(self_of(self).host, [&] {
        auto archive = Archive::loading(*reader, self_of(self).method.ctx().device());
        archived(self_of(self), archive);
      });
    };
    m.get_extension = [](void*, const char* id) -> const void* {
      static const clb_extractor extractor{sizeof extractor, 0, extract};
      if (std::string_view(id) == CLB_EXT_FEATURES) return &extractor;
      if constexpr (HasExpectedFailures<T>)
        if (std::string_view(id) == CLB_EXT_EXPECTED) return expected_failures();
      if constexpr (HasValidationValues<T>)
        if (std::string_view(id) == CLB_EXT_VALIDATION) return validation_values();
      return nullptr;
    };
    return m;
  }

  static clb_status create(const clb_session* raw, void** self) {
    return guarded(raw->host, [&] {
      const clb_session session = detail::read_struct(raw);
      auto made = std::make_unique<Self>();
      made->host = session.host;
      params().apply(made->method, session.settings, session.setting_count, session.setting_stride);
      made->method.context_ = std::make_unique<Context>(session);
      made->method.create();
      *self = made.release();
    });
  }

  // The task belongs to the state: predict after load needs classes_seen.
  static void archived(Self& self, Archive& archive) {
    self.method.context_->archive_task(archive);
    self.method.state(archive);
  }

  static clb_status inputs(void* self, clb_inputs* out) {
    return guarded(self_of(self).host, [&] {
      const Inputs wanted = self_of(self).method.inputs();
      auto& [host, method, parts, names] = self_of(self);
      parts = wanted.parts();
      names.clear();
      for (const auto& part : parts) names.push_back(part.c_str());
      detail::fill_struct(out, {sizeof(clb_inputs), static_cast<uint32_t>(names.size()), names.data()});
    });
  }

  static clb_status predict(void* self, const clb_question* question, DLManagedTensorVersioned** logits) {
    return guarded(self_of(self).host, [&] {
      const torch::NoGradGuard no_grad;
      const Batch taken(*question);
      T& method = self_of(self).method;
      *logits = to_dlpack(wanted_columns(method.predict(taken), taken.columns, method.task().classes_seen));
    });
  }

  // Of logits with a column for each class seen those that were asked for; others are the method's own choice of columns.
  static torch::Tensor wanted_columns(torch::Tensor logits, const std::vector<int64_t>& columns, int64_t seen) {
    const auto count = static_cast<int64_t>(columns.size());
    if (!logits.defined() || logits.dim() != 2 || logits.size(1) != seen || count >= seen) return logits;
    return logits.index_select(1, torch::tensor(columns, torch::dtype(torch::kInt64).device(logits.device())));
  }

  static clb_status extract(void* self, const char* kind, const clb_batch* batch, DLManagedTensorVersioned** values) {
    return guarded(self_of(self).host, [&] {
      const torch::NoGradGuard no_grad;
      const Batch taken(*batch);
      *values = to_dlpack(self_of(self).method.extract(kind, taken));
    });
  }

  template <class Call>
  static clb_status guarded(const clb_host* host, Call call) noexcept {
    return detail::guarded(host, [&] { with_statuses(call); });
  }
};

}  // namespace clb

// Makes a plugin of `Class`: defines the entry clb_method_v0 and the constant clb_plugin_meta. CLB_NO_ENTRY leaves both out, for tests that
// include the sources of several plugins.
#ifdef CLB_NO_ENTRY
#define CLB_METHOD(Class)
#else
#define CLB_METHOD(Class)                                                                                                  \
  CLB_PLUGIN_META(CLB_KIND_METHOD, Class::about.id, Class::about.version, Class::about.capabilities, CLB_LIBTORCH_VERSION, \
                  Class::about.paper)                                                                                      \
  extern "C" CLB_EXPORT const clb_method* clb_method_v0() { return clb::MethodTable<Class>::get(); }
#endif
