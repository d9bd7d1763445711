#include <algorithm>
#include <clb/base/json_at.hpp>
#include <clb/stream/shape.hpp>

namespace clb::stream {
namespace {

using base::Json;

// The data set of each part of a sequence, where each part has classes of one alone; else none.
std::vector<int64_t> data_sets(const StreamShape& shape, const std::vector<int64_t>& class_order, const base::DatasetSpec& dataset) {
  if (dataset.sequence.empty()) return {};
  std::vector<int64_t> of_class, of_part;
  for (const base::DatasetSpec& part : dataset.sequence)
    of_class.insert(of_class.end(), static_cast<size_t>(part.class_count), &part - dataset.sequence.data());
  for (int64_t p = 0; p < shape.parts(); ++p) {
    const Range range = shape.part_classes(p);
    of_part.push_back(of_class[static_cast<size_t>(class_order[static_cast<size_t>(range.first)])]);
    for (int64_t c = range.first; c < range.end; ++c)
      if (of_class[static_cast<size_t>(class_order[static_cast<size_t>(c)])] != of_part.back()) return {};
  }
  return of_part;
}

std::vector<int64_t> limits(const base::DatasetSpec& dataset, int64_t base::DatasetSpec::*limit) {
  std::vector<int64_t> all;
  for (const base::DatasetSpec& part : dataset.parts())
    all.insert(all.end(), static_cast<size_t>(part.class_count), part.*limit > 0 ? part.*limit : dataset.*limit);
  return all;
}

}  // namespace

StreamShape::StreamShape(const base::ProtocolSpec& protocol, const base::DatasetSpec& dataset)
    : domain_stream_(protocol.kind == "domain"),
      joint_(protocol.joint),
      eval_all_(protocol.eval_on == "all"),
      fixed_(protocol.eval_on == "fixed"),
      eval_unseen_(protocol.eval_unseen) {
  set_sizes(protocol.task_sizes, protocol.stop_after);
  domains_ = domain_stream_ ? protocol.domain_order : data_sets(*this, protocol.class_order, dataset);
}

StreamShape StreamShape::of_stored(const Json& spec) {
  StreamShape shape;
  shape.domain_stream_ = base::text_at(spec, "/protocol/kind") == "domain";
  shape.joint_ = base::flag_at(spec, "/protocol/joint");
  shape.eval_all_ = base::text_at(spec, "/protocol/eval_on") == "all";
  shape.fixed_ = base::text_at(spec, "/protocol/eval_on") == "fixed";
  shape.eval_unseen_ = base::flag_at(spec, "/protocol/eval_unseen");
  std::vector<int64_t> sizes;
  for (const Json& size : base::list_at(spec, "/protocol/task_sizes"))
    sizes.push_back(size.is_number_integer() ? std::clamp<int64_t>(size.get<int64_t>(), 0, 1 << 30) : 0);
  shape.set_sizes(sizes, base::integer_at(spec, "/protocol/stop_after"));
  return shape;
}

StreamShape StreamShape::of_parts(int64_t parts, bool joint) {
  StreamShape shape;
  shape.joint_ = joint;
  shape.set_sizes(std::vector<int64_t>(static_cast<size_t>(parts), 1), 0);
  return shape;
}

void StreamShape::set_sizes(const std::vector<int64_t>& sizes, int64_t stop_after) {
  int64_t end = 0;
  for (const int64_t size : sizes) ends_.push_back(end = domain_stream_ ? size : end + size);
  parts_to_run_ = stop_after > 0 ? std::min(stop_after, parts()) : parts();
}

Range StreamShape::part_classes(int64_t part) const {
  const auto p = static_cast<size_t>(part);
  return {domain_stream_ || part == 0 ? 0 : ends_[p - 1], ends_[p]};
}

Range StreamShape::task_classes(int64_t task) const {
  const Range parts = task_parts(task);
  return {part_classes(parts.first).first, part_classes(parts.end - 1).end};
}

int64_t StreamShape::evaluated_groups(int64_t task) const {
  if (fixed_) return 1;
  return eval_all_ || eval_unseen_ ? parts_to_run_ : seen_groups(task);
}

int64_t StreamShape::seen_groups(int64_t task) const { return fixed_ ? 1 : task_parts(task).end; }

std::vector<int64_t> train_limits(const base::DatasetSpec& dataset) { return limits(dataset, &base::DatasetSpec::train_per_class); }
std::vector<int64_t> test_limits(const base::DatasetSpec& dataset) { return limits(dataset, &base::DatasetSpec::test_per_class); }

}  // namespace clb::stream
