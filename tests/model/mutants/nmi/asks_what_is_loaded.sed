# the handler invalidates only if the request's space is the one loaded
s/RequestBoard<P, Request> board_;/struct Asked { Space* space = nullptr; Request request{}; }; RequestBoard<P, Asked> board_;/
s/board_\.post(request, targets)/board_.post({\&space, request}, targets)/
s/\[&\](const Request& request, auto acknowledge)/[\&](const auto\& asked, auto acknowledge)/
s/platform_\.invalidate_always(request);/platform_.invalidate(*asked.space, asked.request);/
