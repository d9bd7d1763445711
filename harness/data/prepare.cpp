#include <chrono>
#include <clb/base/error.hpp>
#include <clb/base/sha256.hpp>
#include <clb/base/temporary.hpp>
#include <clb/data/prepare.hpp>
#include <clb/data/sample_file.hpp>
#include <optional>
#include <thread>
#include <vector>

namespace clb::data {
namespace {

namespace fs = base::fs;

constexpr uint64_t kMostProof = 1 << 20;  // of a few paths with their digests

fs::path proof_of(const fs::path& folder, const std::string& root) {
  const std::string place = root.empty() ? "" : fs::absolute(root).lexically_normal().string();  // empty: it reads no files
  return folder / ("files-" + base::hex(base::sha256(place)).substr(0, 16));
}

// Waits without falling silent. nullopt: the folder takes no lock.
std::optional<base::FileLock> patient_lock(const fs::path& file, const Progress& progress) {
  std::error_code unwritable;
  fs::create_directories(file.parent_path(), unwritable);
  for (;;) {
    try {
      if (auto lock = base::FileLock::try_lock(file)) return lock;
    } catch (const base::Error&) {
      return std::nullopt;
    }
    progress("the same data are prepared by " + base::FileLock::holder(file) + ", waiting", 0, 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

// Of the folder that is read, by whatever path, and of the samples, in whatever folder they lie; always in this order.
class Alone {
 public:
  explicit Alone(const Preparation& wanted) {
    if (wanted.cache.empty()) return;
    std::error_code error;
    const fs::path real = fs::weakly_canonical(wanted.root, error);
    const std::string root = wanted.root.empty() ? "default of " + wanted.file : error ? wanted.root : real.string();
    for (const std::string& name : {base::hex(base::sha256("root " + root)), wanted.fingerprint})
      if (!name.empty()) locks_.push_back(patient_lock(wanted.cache / "data" / (name + ".lock"), wanted.progress));
  }

 private:
  std::vector<std::optional<base::FileLock>> locks_;
};

// A folder beside the final one, removed when the work did not reach its end. Its lock tells `clbench cache prune` that somebody works
// there.
struct TemporaryFolder {
  explicit TemporaryFolder(const fs::path& folder) : path(made_beside(folder)), lock(base::FileLock::try_lock(path / "lock")) {}
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  // Data files first: an index that is there has its data.
  void move_to(const fs::path& folder) const {
    fs::create_directories(folder);
    for (const bool index : {false, true})
      for (const auto& entry : fs::directory_iterator(path))
        if (entry.path().filename() != "lock" && (entry.path().extension() == ".index") == index)
          fs::rename(entry.path(), folder / entry.path().filename());
  }
  static fs::path made_beside(const fs::path& folder) {
    fs::create_directories(folder.parent_path());
    return base::temporary_folder_beside(folder);
  }
  fs::path path;
  std::optional<base::FileLock> lock;
};

// Files that changed while they were read prove nothing.
void write_proof(const Dataset& dataset, const fs::path& folder) {
  if (dataset.files().holds(dataset.root())) base::write_file_atomic(proof_of(folder, dataset.root()), dataset.files().text());
}

// With more room the samples themselves have been kept: an index alone does not replace that.
bool is_better(const fs::path& there, const fs::path& made) try {
  const auto before = SampleFile::open(there / "train");
  return before && before->has_data() && !fs::exists(made / "train.decoded");
} catch (const base::Error&) {
  return false;
}

// Calls what writes into the cache; the reason where the cache takes nothing.
template <class Write>
std::string refusal(const fs::path& cache, Write write) try {
  write();
  return "";
} catch (const base::WriteError& e) {
  return e.what();
} catch (const fs::filesystem_error& e) {
  return "the cache " + cache.string() + " cannot be written: " + e.code().message();
}

}  // namespace

fs::path folder_of(const fs::path& cache, const std::string& fingerprint) { return cache / "data" / fingerprint; }
const char* split_name(Split split) { return split == Split::kTrain ? "train" : "test"; }

bool is_proven(const fs::path& cache, const std::string& fingerprint, const std::string& root) {
  const fs::path proof = proof_of(folder_of(cache, fingerprint), root);
  std::error_code error;
  try {
    return fs::exists(proof, error) && base::ContentSample(base::read_file(proof, kMostProof)).holds(root);
  } catch (const base::Error&) {  // a proof that cannot be read is none
    return false;
  }
}

Prepared prepare(const Preparation& wanted) {
  const Alone alone(wanted);
  if (wanted.there()) return {nullptr, wanted.fingerprint, ""};
  Prepared done{std::make_unique<Dataset>(wanted.file, wanted.root, wanted.params), "", ""};
  std::optional<TemporaryFolder> temporary;
  if (!wanted.cache.empty()) done.not_kept = refusal(wanted.cache, [&] { temporary.emplace(folder_of(wanted.cache, "new")); });
  const FirstPass pass{temporary ? temporary->path : fs::path(), wanted.store_limit, wanted.progress};
  const auto read = read_all(*done.dataset, pass);
  done.fingerprint = read.fingerprint;
  if (temporary) done.not_kept = read.not_kept;
  wanted.found(done.fingerprint);
  if (temporary && done.not_kept.empty())
    done.not_kept = refusal(wanted.cache, [&] {
      const fs::path place = folder_of(wanted.cache, done.fingerprint);
      if (is_better(place, temporary->path) && is_proven(wanted.cache, done.fingerprint, done.dataset->root()))
        for (Split split : kSplits) fs::remove(temporary->path / (std::string(split_name(split)) + ".index"));
      write_proof(*done.dataset, temporary->path);
      temporary->move_to(place);
    });
  return done;
}

}  // namespace clb::data
