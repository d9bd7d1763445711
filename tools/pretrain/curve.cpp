#include "curve.hpp"

#include <clb/base/error.hpp>
#include <clb/base/file.hpp>
#include <cmath>
#include <fstream>
#include <sstream>

namespace clb::pretrain {

Curve::Curve(const std::filesystem::path& file, int64_t from) : file_(file) {
  std::string kept;
  if (from > 0 && std::filesystem::exists(file)) {
    std::istringstream lines(base::read_file(file));
    for (std::string line; std::getline(lines, line);) {
      const base::Json point = base::Json::parse(line, nullptr, false);
      if (!point.is_object() || !point.contains("update") || !point["update"].is_number()) continue;  // cut off by a kill, or damaged
      if (point["update"].get<int64_t>() <= from) kept += line + "\n";
    }
  }
  base::write_file_atomic(file, kept);
}

bool Curve::is_own(std::string_view begin) {
  const base::Json point = base::Json::parse(begin.substr(0, begin.find('\n')), nullptr, false);
  return point.is_object() && point.contains("update") && point.contains("rate_factor") && point.contains("loss") &&
         point.contains("accuracy");
}

void Curve::add(const Learner& learner, const Learner::Means& means, double seconds) {
  const auto rounded = [](double value) { return std::round(value * 1e5) / 1e5; };
  base::Json point{{"update", learner.updates()},
                   {"images", learner.updates() * learner.recipe().training.batch_size},
                   {"seconds", std::round(seconds * 10) / 10},
                   {"rate_factor", rounded(learner.factor())}};
  for (const auto& [name, value] : means) point[name] = rounded(value);
  std::ofstream out(file_, std::ios::app);
  out << base::canonical(point) << "\n";
  if (!out.flush()) throw base::Error(file_.string() + " cannot be written; is the disk full?", base::Exit::kInternal);
}

}  // namespace clb::pretrain
