// Sentences about classes, made of templates and names: "a photo of a {}." and "crow". The host and methods make them alike.
#pragma once

#include <clb/sdk/error.hpp>
#include <string>

namespace clb {

// The template with the name in every place of "{}". PluginError CLB_E_INVALID: it has none.
inline std::string filled(const std::string& sentence, const std::string& name) {
  std::string text;
  size_t from = 0, at = sentence.find("{}");
  if (at == std::string::npos) throw PluginError(CLB_E_INVALID, "the sentence \"" + sentence + "\" has no {} where a class's name belongs");
  for (; at != std::string::npos; at = sentence.find("{}", from)) {
    text += sentence.substr(from, at - from) + name;
    from = at + 2;
  }
  return text + sentence.substr(from);
}

}  // namespace clb
