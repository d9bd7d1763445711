// Features that the host computes and all methods share, before any code of this run's method has been in the process that computes them.
#pragma once

namespace clb::session {

struct Session;

// For a method that claims frozen features (others are known by what they ask for, once they run): its host kinds, for every sample that
// the run will use. Which kinds these are a child of this process is asked, which loads and creates the method and ends; it has to be
// called before the method is loaded and while this process has one thread. Whatever cannot be known or done is left for later.
void compute_features_early(Session& session);

// The same for a process that does nothing else (`clb-runner features`). On a card, which does not survive a fork, the method is loaded
// here, as it would be in a run. Error: the method did not say what it uses.
void compute_features_alone(Session& session);

}  // namespace clb::session
