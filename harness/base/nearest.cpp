#include <algorithm>
#include <clb/base/nearest.hpp>

namespace clb::base {
namespace {

constexpr size_t kLongestName = 64;  // beyond it nothing is near, and the table of distances stays small

// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b` (optimal string alignment distance).
int edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<int>> d(a.size() + 1, std::vector<int>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = static_cast<int>(i);
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::string nearest(std::string_view name, const std::vector<std::string>& known) {
  if (name.empty() || name.size() > kLongestName) return "";
  int best = name.size() <= 4 ? 1 : name.size() <= 8 ? 2 : 3;
  std::string found;
  for (const std::string& candidate : known) {
    if (candidate.size() > kLongestName) continue;
    const int distance = edit_distance(name, candidate);
    if (distance < best || (distance == best && found.empty())) {
      best = distance;
      found = candidate;
    }
  }
  return found;
}

}  // namespace clb::base
