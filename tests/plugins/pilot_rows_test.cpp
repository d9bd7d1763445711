// Rows that LAMDA-PILOT reached without any randomness of training (fixtures pilot/, ../shared/golden/pilot_reference.md): our features of
// its images through the methods' own tables, accuracy after every task. Two images of a stage may fall the other way (near-ties).
#include "ranpac.cpp"
#include "simplecil.cpp"

#include <fcntl.h>

#include <clb/session/describe.hpp>
#include <clb/session/session.hpp>
#include <cmath>

#include "golden/golden.hpp"
#include "support/method_bench.hpp"
#include "support/plan_catalogue.hpp"
#include "support/temp_folder.hpp"

namespace {

namespace fs = std::filesystem;
using clb::data::Split;
using clb::golden::Golden;
using clb::testing::choice;
using clb::testing::Samples;
using clb::testing::value;
using torch::Tensor;

const fs::path kSource = CLB_SOURCE_DIR, kData = kSource / "../shared/data";

// The data set is the real one.
class RealData final : public clb::plan::Catalogue {
 public:
  explicit RealData(fs::path cache) : cache_(std::move(cache)) {}
  std::vector<std::string> method_ids() const override { return fake_.method_ids(); }
  std::vector<std::string> dataset_ids() const override { return fake_.dataset_ids(); }
  clb::base::MethodInfo method(const std::string& id) override { return fake_.method(id); }
  std::string file_sha256(const std::string& file) override { return clb::base::hex(clb::base::sha256_file(file)); }
  clb::base::DatasetInfo dataset(const std::string& id, const std::string& root) override {
    const std::string file = std::string(CLB_BINARY_DIR) + "/lib/clbench/datasets/" + id + ".so";
    return clb::base::DatasetInfo::from_json(
        clb::session::describe({.file = file, .open = true, .root = root, .cache_dir = cache_.string()}), file);
  }

 private:
  clb::plan::testing::FakeCatalogue fake_;
  fs::path cache_;
};

struct Task {
  Samples train, test;  // test: of this task's classes
  int64_t classes_seen;
};

// Features of share/experiments/pilot_simplecil.toml, task by task. Training images in class order, those of a class in the order of the
// file.
std::vector<Task> pilot_tasks() {
  const clb::testing::TempFolder folder;
  RealData catalogue(folder.path());
  auto spec = clb::plan::make_plan({kSource / "share/experiments/pilot_simplecil.toml", {}, kSource / "share", 2}, catalogue).runs.at(0);
  spec.execution.cache_dir = folder.path().string();
  clb::session::Emitter emitter(open("/dev/null", O_WRONLY));
  clb::base::Spans spans;
  clb::session::Session session(spec, torch::kCPU, "pilot_rows_test", emitter, spans);
  const auto& protocol = session.protocol;
  session.features.ensure("main:cls", Split::kTrain, protocol.all_train());
  session.features.ensure("main:cls", Split::kTest, protocol.all_evaluated());
  const auto samples = [&](Split split, const std::vector<int64_t>& ids) {
    std::vector<int64_t> labels;
    for (const int64_t id : ids) labels.push_back(protocol.position(session.store.labels(split)[static_cast<size_t>(id)]));
    return Samples{.features = session.features.gather("main:cls", split, ids).clone(), .labels = torch::tensor(labels)};
  };
  std::vector<Task> tasks;
  for (int64_t t = 0; t < protocol.tasks_to_run(); ++t) {
    std::vector<int64_t> test;
    for (const int64_t group : protocol.evaluated_groups(t)) {
      const auto& of = protocol.groups()[static_cast<size_t>(group)];
      if (of.end == protocol.classes_seen(t)) test.insert(test.end(), of.samples.begin(), of.samples.end());
    }
    tasks.push_back({samples(Split::kTrain, protocol.train(t)), samples(Split::kTest, test), protocol.classes_seen(t)});
  }
  return tasks;
}

class PilotRows : public testing::Test {
 protected:
  // Trains task after task on `given(t)`; the accuracy over all test images of the classes seen has to be that of the row.
  template <class Method, class Given, class Features, class AfterTraining>
  void meets(clb::testing::MethodBench<Method>& bench, const std::vector<double>& row, const Given& given, const Features& features,
             const AfterTraining& after_training) {
    Samples seen;
    for (size_t t = 0; t < tasks_.size(); ++t) {
      bench.train(given(t), tasks_[t].classes_seen);
      after_training();
      seen = t == 0 ? tasks_[t].test : seen.with(tasks_[t].test);
      const Tensor predicted = bench.predict({.features = features(seen.features)}).argmax(1);
      const double right = predicted.eq(seen.labels).sum().template item<double>(), n = static_cast<double>(seen.labels.size(0));
      EXPECT_LE(std::abs(right - row[t] * n / 100), 2.01)
          << "task " << t + 1 << ": " << 100 * right / n << " %, LAMDA-PILOT " << row[t] << " %";
    }
  }
  void simplecil();
  void ranpac_with_the_projection_given();

  std::vector<Task> tasks_;
};

void PilotRows::simplecil() {
  CLB_GOLDEN(golden, "pilot/simplecil_s1993");
  clb::testing::MethodBench<SimpleCil> bench;
  meets(
      bench, {78.00, 67.50, 67.00, 63.25, 61.80, 61.17, 61.29, 58.25, 55.67, 54.50}, [&](size_t t) { return tasks_[t].train; },
      [](const Tensor& features) { return features; }, [] {});
  golden.close("class_means", bench.traced.at("prototypes"), 2e-5);
}

// The projection and the order of the samples are the reference's: the method gets projected features and draws no projection.
void PilotRows::ranpac_with_the_projection_given() {
  CLB_GOLDEN(golden, "pilot/ranpac_ref_M2000_notrain");
  const auto projected = [&](const Tensor& features) { return at::relu(at::mm(features, golden["W_rand"])).to(torch::kFloat64); };
  const auto given = [&](size_t t) {
    const Samples ordered = tasks_[t].train.rows(golden["order"][static_cast<int64_t>(t)].to(torch::kInt64));
    return Samples{.features = projected(ordered.features), .labels = ordered.labels};
  };
  const std::vector<double> cosine{86.00, 72.00, 72.33, 67.75, 65.40, 66.83, 65.29, 62.00, 60.44, 59.60},
      linear{86, 73.5, 70.67, 67.5, 66.2, 67.17, 66, 62.12, 60.56, 59.6};
  for (const auto& [head, row] : {std::pair{"cosine", cosine}, std::pair{"linear", linear}}) {
    SCOPED_TRACE(head);
    clb::testing::MethodBench<RanPac> bench({{"tuner", choice("none")}, {"projection", value(int64_t{0})}, {"head", choice(head)}});
    meets(bench, row, given, projected, [&] { EXPECT_EQ(bench.metrics.at("ridge")[0].second, 100000); });
  }
}

// One test, since the features take most of its time.
TEST_F(PilotRows, AreReached) {
  if (!fs::exists(kData)) GTEST_SKIP() << "SKIPPED: " << kData.lexically_normal() << " is absent";
  tasks_ = pilot_tasks();
  ASSERT_EQ(tasks_.size(), 10u);
  simplecil();
  ranpac_with_the_projection_given();
}

}  // namespace
