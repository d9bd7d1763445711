// What a method with a text tower is told of the classes (clb/ext/text.h), and what the tower makes of sentences.
#pragma once

#include <clb/ext/text_features.h>

#include <clb/session/session.hpp>
#include <span>
#include <string>

namespace clb::session {

// Of the class at a position of the class order; lives as long as the session. PluginError CLB_E_INVALID for a class that the method may
// not know of yet.
const char* name_of_class(const Session& session, int64_t position);

// What clb_text_features gives (clb/ext/text_features.h), on the device of the session; these statuses as there.
torch::Tensor token_rows(Session& session, const std::string& role, const clb_sentences& sentences);
torch::Tensor sentence_rows(Session& session, const std::string& role, const clb_sentences& sentences);
torch::Tensor class_rows(Session& session, const std::string& role, const std::string& sentence, std::span<const int64_t> positions);

}  // namespace clb::session
