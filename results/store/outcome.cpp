#include "outcome.hpp"

#include <zstd.h>

#include "blob.hpp"

namespace clb::store {
namespace {

using Outcomes = std::vector<Outcome>;

constexpr int kFast = 1;                           // half of the bits are as good as random
constexpr int64_t kMostImages = int64_t{1} << 28;  // as in blob.cpp

size_t bytes_for(size_t bits) { return (bits + 7) / 8; }

std::vector<int64_t> labels_of(SQLite::Database& db, const fs::path& file, int64_t attempt) {
  SQLite::Statement query(db,
                          "SELECT n, width, sha256, data FROM attempt_target JOIN target ON target.id = target_id WHERE attempt_id = ?");
  query.bind(1, attempt);
  if (!query.executeStep()) return {};
  return unpack(blob_of(query), file.string() + ": targets of attempt " + std::to_string(attempt));
}

Outcomes judged(const std::vector<int64_t>& predictions, const std::vector<int64_t>& labels) {
  Outcomes outcomes(labels.size());
  for (size_t i = 0; i < labels.size(); ++i)
    outcomes[i] = predictions[i] < 0 ? Outcome::kNotEvaluated : predictions[i] == labels[i] ? Outcome::kRight : Outcome::kWrong;
  return outcomes;
}

std::string packed(const Outcomes& outcomes) {
  const size_t half = bytes_for(outcomes.size());
  std::string raw(2 * half, '\0');
  const auto set = [&](size_t start, size_t i) { raw[start + i / 8] = static_cast<char>(raw[start + i / 8] | 1 << i % 8); };
  for (size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i] != Outcome::kNotEvaluated) set(0, i);
    if (outcomes[i] == Outcome::kRight) set(half, i);
  }
  std::string data(ZSTD_compressBound(raw.size()), '\0');
  const size_t size = ZSTD_compress(data.data(), data.size(), raw.data(), raw.size(), kFast);
  if (ZSTD_isError(size)) throw base::Error(std::string("zstd cannot compress: ") + ZSTD_getErrorName(size), base::Exit::kInternal);
  data.resize(size);
  return data;
}

Outcomes unpacked(SQLite::Statement& row, const std::string& where) {  // columns n, data
  const auto damaged = [&] {
    return base::Error(where + ": damaged outcomes; restore the file from a copy or repeat the run with --again into a new one");
  };
  const int64_t n = row.getColumn(0).getInt64();
  const SQLite::Column data = row.getColumn(1);
  if (n < 0 || n > kMostImages) throw damaged();
  const size_t half = bytes_for(static_cast<size_t>(n));
  std::string raw(2 * half, '\0');
  const size_t size = ZSTD_decompress(raw.data(), raw.size(), data.getBlob(), static_cast<size_t>(data.getBytes()));
  if (ZSTD_isError(size) || size != raw.size()) throw damaged();
  Outcomes outcomes(static_cast<size_t>(n));
  for (size_t i = 0; i < outcomes.size(); ++i) {
    const bool evaluated = (raw[i / 8] >> i % 8 & 1) != 0, right = (raw[half + i / 8] >> i % 8 & 1) != 0;
    outcomes[i] = !evaluated ? Outcome::kNotEvaluated : right ? Outcome::kRight : Outcome::kWrong;
  }
  return outcomes;
}

std::vector<Outcomes> from_predictions(SQLite::Database& db, const fs::path& file, int64_t attempt) {
  const std::vector<int64_t> labels = labels_of(db, file, attempt);
  if (labels.empty()) return {};
  std::vector<Outcomes> all;
  SQLite::Statement query(db, "SELECT n, width, sha256, data FROM prediction WHERE attempt_id = ? ORDER BY after_task");
  query.bind(1, attempt);
  while (query.executeStep()) {
    const std::vector<int64_t> predictions = unpack(blob_of(query), file.string() + ": predictions of attempt " + std::to_string(attempt));
    if (predictions.size() != labels.size()) return {};
    all.push_back(judged(predictions, labels));
  }
  return all;
}

}  // namespace

void append_outcome(SQLite::Database& db, const fs::path& file, int64_t attempt, int64_t after_task,
                    const std::vector<int64_t>& predictions) {
  const std::vector<int64_t> labels = labels_of(db, file, attempt);
  if (labels.empty() || labels.size() != predictions.size()) return;
  const std::string data = packed(judged(predictions, labels));
  insert(db, "outcome",
         {{"attempt_id", attempt}, {"after_task", after_task}, {"n", static_cast<int64_t>(labels.size())}, {"data", Bytes{data}}});
}

std::vector<Outcomes> outcomes_of(SQLite::Database& db, const fs::path& file, int64_t attempt) {
  std::vector<Outcomes> all;
  SQLite::Statement query(db, "SELECT n, data FROM outcome WHERE attempt_id = ? ORDER BY after_task");
  query.bind(1, attempt);
  while (query.executeStep()) all.push_back(unpacked(query, file.string() + ": attempt " + std::to_string(attempt)));
  SQLite::Statement count(db, "SELECT count(*) FROM prediction WHERE attempt_id = ?");
  count.bind(1, attempt);
  count.executeStep();
  return all.size() == static_cast<size_t>(count.getColumn(0).getInt64()) ? all : from_predictions(db, file, attempt);
}

}  // namespace clb::store
