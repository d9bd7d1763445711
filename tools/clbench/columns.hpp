// Text in aligned columns.
#pragma once

#include <string>
#include <vector>

namespace clb::cli {

class Columns {
 public:
  explicit Columns(std::vector<std::string> titles) : rows_{std::move(titles)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.size() == 1; }
  std::string text() const;  // titles, then rows; two spaces between columns; the last column is not padded

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace clb::cli
