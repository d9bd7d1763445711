// How to read the page.
#include "site.hpp"

namespace clb::report {

using base::Json;

Json legend(const Board& board) {
  Json terms = Json::array();
  const auto add = [&](const char* term, const std::string& text) { terms.push_back({{"term", term}, {"text", text}}); };
  for (const Column& column : board.report.columns)
    add((column.symbol() == column.name ? column.name : column.symbol() + " (" + column.name + ")").c_str(),
        column.formula + " (version " + std::to_string(column.metric->version) + "; " + column.metric->source + ")");
  add("verified", "within tolerance of the published number under the same key: data, protocol, weights, transforms and all parameters");
  add("matches reference implementation", "inside the band of a run of the reference implementation under the same key");
  add("deviates", "outside that tolerance");
  add("leaks", "claims, or fails the check of, predictions that do not depend on the batch or on the task id");
  add("second look differs",
      "a fresh process that has the saved state and nothing else predicts other classes for some test samples, or cannot use it; such a "
      "row is not ranked");
  add("collapsed", "final accuracy below 2 / classes seen, or one prompt does all the work in every layer (perplexity below 1.5)");
  add("under-trained", "fewer than 100 updates in a task");
  add("pre-training labels overlap",
      "the weights were trained with labels of classes that the data holds, so its tasks are not new to them");
  add("≈, ?", kBestLegend);
  add("± and [ ]", kLegend);
  add("n", "runs that ended well: seeds, and class orders where several were run");
  add("bold, shaded", "the best of the ranked rows of a section in that column, and the place among them: the darker the better");
  add("gain", "points of the first column over simplecil, the nearest class mean on the same frozen network and data");
  add("level",
      "imported: numbers of a source; submitted: runs of somebody else; audited: those, recounted here from their predictions; run here");
  add("code, licence",
      "the program of the method's authors and its licence; what ran here is the plugin whose hash the pages of runs name");
  add("#",
      "rank by the first column, and a link to this row; only rows that share data, protocol, weights and what they may use are ranked");
  return terms;
}

}  // namespace clb::report
