// What every dataset plugin must do.
#include <c10/util/StringUtil.h>
#include <clb/dataset.h>

#include <algorithm>
#include <clb/data/dataset.hpp>
#include <clb/data/image_decode.hpp>
#include <clb/sdk/error.hpp>
#include <exception>
#include <set>
#include <thread>

#include "checks.hpp"

namespace clb::conformance {
namespace {

constexpr int64_t kSamples = 64;  // of each split that are read

// Positions spread over a split.
std::vector<int64_t> spread(const Dataset& dataset, Split split) {
  const auto n = static_cast<int64_t>(dataset.labels(split).size()), count = std::min(n, kSamples);
  std::vector<int64_t> ids;
  for (int64_t k = 0; k < count; ++k) ids.push_back(k * n / count);
  return ids;
}

std::string bytes_of(const clb_sample& sample) { return {reinterpret_cast<const char*>(sample.bytes), sample.size}; }

std::vector<std::string> read_all(const Dataset& dataset, Split split, const std::vector<int64_t>& ids) {
  std::vector<std::string> bytes;
  for (const clb_sample& sample : dataset.read(split, ids)) bytes.push_back(bytes_of(sample));
  return bytes;
}

void check_names(const std::vector<std::string>& names, int64_t count, const char* what) {
  if (static_cast<int64_t>(names.size()) != count) throw Failure{c10::str(names.size(), " ", what, " names for ", count, " of them")};
  if (std::set<std::string>(names.begin(), names.end()).size() != names.size()) throw Failure{c10::str("a ", what, " name is given twice")};
}

}  // namespace

std::string dataset_descriptor(const Subject& subject) {
  const auto info = Dataset::info_of(subject.file);
  if (info.citation.empty() || info.licence.empty()) throw Failure{"the dataset names no citation or no licence"};
  return info.id + " " + info.version;
}

// Each id once.
void check_orders(const std::map<std::string, std::vector<int64_t>>& orders, int64_t count, const char* what) {
  for (const auto& [name, order] : orders) {
    std::vector<int64_t> sorted = order;
    std::sort(sorted.begin(), sorted.end());
    bool good = static_cast<int64_t>(sorted.size()) == count;
    for (size_t c = 0; good && c < sorted.size(); ++c) good = sorted[c] == static_cast<int64_t>(c);
    if (!good) throw Failure{"the official order " + name + " is no permutation of the " + what};
  }
}

std::string dataset_index(const Subject& subject) {
  const Dataset dataset(subject.file, subject.root);  // refuses labels and domains outside their ranges
  const auto info = dataset.info();
  check_names(info.class_names, info.class_count, "class");
  check_orders(info.orders, info.class_count, "classes");
  check_orders(info.domain_orders, std::max<int64_t>(1, static_cast<int64_t>(info.domain_names.size())), "domains");
  if (!info.domain_names.empty()) check_names(info.domain_names, static_cast<int64_t>(info.domain_names.size()), "domain");
  for (Split split : kSplits) {
    const auto labels = dataset.labels(split), domains = dataset.domains(split);
    if (labels.empty()) throw Failure{"a split has no samples"};
    if (!domains.empty() && domains.size() != labels.size()) throw Failure{"a split has another number of domains than of labels"};
    const std::set<int64_t> classes(labels.begin(), labels.end());
    if (static_cast<int64_t>(classes.size()) != info.class_count)
      throw Failure{c10::str("only ", classes.size(), " of ", info.class_count, " classes have samples in a split")};
  }
  return c10::str(info.class_count, " classes, ", dataset.labels(Split::kTrain).size(), " + ", dataset.labels(Split::kTest).size(),
                  " samples");
}

std::string dataset_read(const Subject& subject) {
  const Dataset dataset(subject.file, subject.root);
  for (Split split : kSplits) {
    const auto ids = spread(dataset, split);
    const auto samples = dataset.read(split, ids);
    for (size_t k = 0; k < samples.size(); ++k) {
      const clb_sample& s = samples[k];
      if (s.format == CLB_FORMAT_ENCODED) data::decode_image({s.bytes, s.size}, "sample " + std::to_string(ids[k]));
      if (s.format == CLB_FORMAT_U8_HWC && s.size != static_cast<uint64_t>(s.height * s.width * s.channels))
        throw Failure{c10::str("sample ", ids[k], " has ", s.size, " bytes for ", s.height, " x ", s.width, " x ", s.channels, " pixels")};
    }
    if (read_all(dataset, split, ids) != read_all(dataset, split, ids)) throw Failure{"a sample has other bytes the second time"};
  }
  return "";
}

std::string dataset_threads(const Subject& subject) {
  const Dataset dataset(subject.file, subject.root);
  const auto ids = spread(dataset, Split::kTrain);
  const auto want = read_all(dataset, Split::kTrain, ids);
  std::vector<std::vector<std::string>> got(4);
  std::vector<std::exception_ptr> errors(got.size());
  std::vector<std::thread> readers;
  for (size_t t = 0; t < got.size(); ++t)
    readers.emplace_back([&, t] {
      try {
        for (int64_t id : ids) got[t].push_back(read_all(dataset, Split::kTrain, {id})[0]);
      } catch (...) {
        errors[t] = std::current_exception();
      }
    });
  for (auto& reader : readers) reader.join();
  for (const auto& error : errors)
    if (error) std::rethrow_exception(error);
  for (const auto& bytes : got)
    if (bytes != want) throw Failure{"samples that are read on four threads at once differ from those read on one"};
  return "";
}

std::string dataset_missing(const Subject& subject) {
  const TemporaryFolder empty;
  try {
    const Dataset dataset(subject.file, empty.path().string());
  } catch (const PluginError& e) {
    if (std::string(e.what()).find(empty.path().string()) == std::string::npos)
      throw Failure{std::string("an empty folder is refused without its name: ") + e.what()};
    return e.what();
  } catch (const base::Error& e) {  // the host refuses any folder for a data set that reads no files
    return e.what();
  }
  throw Failure{"an empty folder is accepted as the dataset's root"};
}

}  // namespace clb::conformance
