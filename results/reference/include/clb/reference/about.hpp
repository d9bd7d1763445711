// What is known of a method beside its numbers: plugins/NAME/method.toml, one file per method, installed as
// share/clbench/methods/NAME.toml. Everything but the family may be missing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace clb::reference {

struct About {
  std::string family;                 // in a word or two: "prompts", "frozen features"
  std::string title, authors, venue;  // of the paper; authors as BibTeX has them: "Doe, Jane and Roe, Richard"
  int64_t year = 0;                   // of the publication at the venue
  std::string date;                   // when it first appeared: "2023-07"
  std::string paper, code;            // addresses, http or https
  std::string licence;                // of the authors' program: an SPDX identifier

  std::string bibtex(const std::string& key) const;  // "" where there is no title
};

// By method. No folder: nothing is known. Error with FILE:line:column for what is misspelt or no address.
std::map<std::string, About> read_abouts(const std::filesystem::path& folder);

// Would a page link to it? http:// or https:// and nothing that ends an attribute or a line.
bool is_web_address(const std::string& text);

}  // namespace clb::reference
