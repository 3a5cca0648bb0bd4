// What a page can do without a network; all of it can be read with no script at all.
"use strict";
if (matchMedia("(max-width: 46rem)").matches) document.querySelector(".contents details")?.removeAttribute("open");
