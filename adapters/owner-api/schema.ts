// Generated from the OpenAPI document by `npm run generate:client`; do not edit.

export interface paths {
  '/': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The run that matters now */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The page */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'text/html; charset=utf-8': string;
          };
        };
        /** @description A page that says what is not there */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/dashboard/families': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Families and their weights */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Families */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Families'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/dashboard/leaderboard': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Who stands where in a run, and why */
    get: {
      parameters: {
        query?: {
          family_id?: string;
          limit?: number;
          offset?: number;
          run_id?: string;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Leaderboard */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Leaderboard'];
          };
        };
        /** @description No such family */
        400: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/dashboard/miners/{hotkey}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** A miner's latest submission and record */
    get: {
      parameters: {
        query?: {
          family_id?: string;
        };
        header?: never;
        path: {
          hotkey: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The miner */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Miner'];
          };
        };
        /** @description No such family */
        400: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description It has submitted nothing */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/dashboard/miners/{hotkey}/runs': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Completed runs of a miner, latest first */
    get: {
      parameters: {
        query?: {
          family_id?: string;
          limit?: number;
          offset?: number;
        };
        header?: never;
        path: {
          hotkey: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Runs */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['MinerRuns'];
          };
        };
        /** @description No such family */
        400: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/dashboard/miners/{hotkey}/runs/{run}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** A run of a miner, task by task; what was asked and answered once the run is completed */
    get: {
      parameters: {
        query?: {
          family_id?: string;
        };
        header?: never;
        path: {
          hotkey: string;
          run: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The run */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['MinerRun'];
          };
        };
        /** @description No such family */
        400: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/dashboard/miners/{hotkey}/submissions': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** A hotkey's submissions and scores */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          hotkey: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Submissions and scores */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['MinerSubmissions'];
          };
        };
        /** @description It never submitted anything */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/dashboard/overview': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Figures of the subnet */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Figures */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Overview'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/dashboard/runs': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Runs with their winners, latest first */
    get: {
      parameters: {
        query?: {
          family_id?: string;
          limit?: number;
          offset?: number;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Runs */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['DashboardRuns'];
          };
        };
        /** @description No such family */
        400: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/dashboard/runs/{run}/miners/{hotkey}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** A miner's tasks in a run with every factor of each score; texts once the run is completed */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          hotkey: string;
          run: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The tasks */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['MinerRunRecord'];
          };
        };
        /** @description No such run, or the miner is not in it */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/dashboard/runs/{run}/submissions/{sid}/artifact': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The archive of a submission that was scored in a completed run */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          run: string;
          sid: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description gzip tar */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/gzip': string;
          };
        };
        /** @description Not a scored submission of a completed run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/dashboard/runs/{run}/submissions/{sid}/files': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The files of such an archive */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          run: string;
          sid: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Files */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ArchiveFiles'];
          };
        };
        /** @description Not a scored submission of a completed run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/dashboard/runs/{run}/submissions/{sid}/files/{path}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** One text file of such an archive */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          path: string;
          run: string;
          sid: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The file */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ArchiveFile'];
          };
        };
        /** @description Not a scored submission of a completed run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Larger than 5 MiB */
        413: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not text */
        415: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/dashboard/runs/{run}/validator-costs': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** What judging a run has cost, by validator */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          run: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Costs in USD */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidatorCosts'];
          };
        };
        /** @description No such run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/dashboard/submissions/{sid}/journey': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** How a submission got where it is, with the reason at each step */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          sid: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The journey */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['PublicJourney'];
          };
        };
        /** @description No such submission */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/v1/dashboard/submissions/queued': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Submissions that wait for their build, for room or for their run */
    get: {
      parameters: {
        query?: {
          limit?: number;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The queue, newest first */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['QueuedSubmissions'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/assets/htmx.js': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Script that keeps the live parts of the page up to date */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description JavaScript */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'text/javascript; charset=utf-8': string;
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/assets/page.css': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Style sheet of the page */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description CSS */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'text/css; charset=utf-8': string;
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/healthz': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Whether the API and what it needs are well; always 200 */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Health */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Health'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/metrics': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Prometheus metrics */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Text exposition */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'text/plain; version=0.0.4; charset=utf-8': string;
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/miners/{hotkey}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** A miner */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          hotkey: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The page */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'text/html; charset=utf-8': string;
          };
        };
        /** @description A page that says what is not there */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/queue': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Submissions that wait */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The page */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'text/html; charset=utf-8': string;
          };
        };
        /** @description A page that says what is not there */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/readyz': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Whether requests should be sent here: 503 without database or Redis */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Ready */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Health'];
          };
        };
        /** @description Not ready */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Health'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/runs': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** All runs */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The page */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'text/html; charset=utf-8': string;
          };
        };
        /** @description A page that says what is not there */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/runs/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** One run */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The page */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'text/html; charset=utf-8': string;
          };
        };
        /** @description A page that says what is not there */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/runs/{run}/miners/{hotkey}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Why a miner scored what it scored */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          hotkey: string;
          run: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The page */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'text/html; charset=utf-8': string;
          };
        };
        /** @description A page that says what is not there */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/runtime/{deployment}/healthz': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Health of a deployment's agent */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          deployment: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Its health */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              deployment_revision: string;
              family_id: string;
              is_active: boolean;
              runtime_endpoint_url: string | null;
              status: string;
            };
          };
        };
        /** @description The internal service token is missing or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such deployment */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description It is retired, not placed, or not called by consumers */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description It is unhealthy */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/runtime/{deployment}/v1/agent/infer': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Ask an agent for a consumer */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          deployment: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            [key: string]: unknown;
          };
        };
      };
      responses: {
        /** @description The answer */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              /** @default [] */
              artifacts: {
                artifact_id: string;
                /** @enum {string} */
                kind: 'image' | 'audio' | 'video' | 'document' | 'other';
                /** @default {} */
                metadata: {
                  [key: string]: unknown;
                };
                mime_type?: string | null;
                uri: string;
              }[];
              /** @default [] */
              checkpoint_events: {
                [key: string]: unknown;
              }[];
              /** @default [] */
              citations: string[];
              /** @default 0 */
              cost_tao: number;
              error?: string | null;
              family_id?: string | null;
              /** @default 0 */
              latency_ms: number;
              /** @default {} */
              metadata: {
                [key: string]: unknown;
              };
              /** @default {} */
              output: {
                [key: string]: unknown;
              };
              recovery_score?: number | null;
              reliability_score?: number | null;
              resume_token?: string | null;
              /** @default {} */
              runtime_state_patch: {
                [key: string]: unknown;
              };
              /**
               * @default completed
               * @enum {string}
               */
              status: 'completed' | 'failed' | 'deferred';
              task_id?: string | null;
            };
          };
        };
        /** @description The internal service token is missing or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such deployment */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description It is retired, not placed, or not called by consumers */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description The agent failed */
        502: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description It is unhealthy */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/runtime/{deployment}/v1/agent/infer/stream': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Ask an agent for a consumer, streamed */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          deployment: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            [key: string]: unknown;
          };
        };
      };
      responses: {
        /** @description Events */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/x-ndjson': string;
          };
        };
        /** @description The internal service token is missing or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such deployment */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description It is retired, not placed, or not called by consumers */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description It is unhealthy */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/submissions/{sid}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** A submission's journey */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          sid: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The page */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'text/html; charset=utf-8': string;
          };
        };
        /** @description A page that says what is not there */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/actions': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** What operators ordered, latest first: who, when, why, by which way, and what came of it */
    get: {
      parameters: {
        query?: {
          limit?: number;
          target?: string;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Orders */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['OperatorAction'][];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description No owner is configured */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/bans': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Banned hotkeys, latest first */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Bans in force */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['BannedHotkey'][];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No owner is configured */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/deployments': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Deployments of everybody, recently updated first */
    get: {
      parameters: {
        query?: {
          limit?: number;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Deployments */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['AdminDeployment'][];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description No owner is configured */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/deployments/{id}/drain': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Finish the leases of a deployment, stop it, and keep runs from starting it */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            /** @default false */
            dry_run?: boolean;
            order_id?: string;
            /** @default  */
            reason?: string;
            /**
             * @default api
             * @enum {string}
             */
            via?: 'api' | 'cli';
          };
        };
      };
      responses: {
        /** @description Done, or already so */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['DeploymentOrder'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such deployment */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description It is retired */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description Its workflow, or Temporal, does not answer */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/deployments/{id}/undrain': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Let runs start a drained deployment again */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            /** @default false */
            dry_run?: boolean;
            order_id?: string;
            /** @default  */
            reason?: string;
            /**
             * @default api
             * @enum {string}
             */
            via?: 'api' | 'cli';
          };
        };
      };
      responses: {
        /** @description Done, or already so */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['DeploymentOrder'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such deployment */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description It is retired */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description Its workflow, or Temporal, does not answer */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/hotkeys/{hotkey}/unban': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Let a banned hotkey submit again */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          hotkey: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            /** @default false */
            dry_run?: boolean;
            order_id?: string;
            /** @default  */
            reason?: string;
            /**
             * @default api
             * @enum {string}
             */
            via?: 'api' | 'cli';
          };
        };
      };
      responses: {
        /** @description Lifted, now or before */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Unban'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description It was never banned */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description No owner is configured */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/neurons': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Registered neurons, by uid */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Neurons */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Neuron'][];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No owner is configured */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/neurons/sync': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Read the neurons from the chain now */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Synced */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['NeuronSync'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The chain could not be read; the neurons stay as they were */
        502: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No owner is configured */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/publications/cancel': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Have running publications of a run's weights give up before their next extrinsic */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            /** @default false */
            dry_run?: boolean;
            hotkey?: string;
            order_id?: string;
            /** @default  */
            reason?: string;
            run_id: string;
            /**
             * @default api
             * @enum {string}
             */
            via?: 'api' | 'cli';
          };
        };
      };
      responses: {
        /** @description Told, or none is running */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['PublicationCancel'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description Its workflow, or Temporal, does not answer */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/publications/publish': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Have a closed run's weights published now by the validators that publish from here */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            /** @default false */
            dry_run?: boolean;
            hotkey?: string;
            order_id?: string;
            /** @default  */
            reason?: string;
            run_id: string;
            /**
             * @default api
             * @enum {string}
             */
            via?: 'api' | 'cli';
          };
        };
      };
      responses: {
        /** @description Started, told to try now, or published already */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['PublicationStart'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description It has no weights yet, or nobody publishes from here */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description Its workflow, or Temporal, does not answer */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/runs': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The last 20 runs, latest first */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Runs */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['AdminRun'][];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No owner is configured */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/runs/{id}/close': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Close a run, after its running leases (drain) or at once (now) */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            /** @default false */
            dry_run?: boolean;
            /**
             * @default drain
             * @enum {string}
             */
            mode?: 'now' | 'drain';
            order_id?: string;
            /** @default  */
            reason?: string;
            /**
             * @default api
             * @enum {string}
             */
            via?: 'api' | 'cli';
          };
        };
      };
      responses: {
        /** @description Done, or already so */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['RunSteering'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The run's state does not allow it */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description The run's workflow does not answer */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/runs/{id}/enrichments': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Tasks of a run whose truth oracles are asked for: how far each is, why, and what it cost */
    get: {
      parameters: {
        query?: {
          status?: 'pending' | 'ready' | 'failed';
        };
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Enrichments, in claim order */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Enrichment'][];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description No owner is configured */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/runs/{id}/extend': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Move the end of a run, by seconds or to a time */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            /** @default false */
            dry_run?: boolean;
            order_id?: string;
            /** @default  */
            reason?: string;
            seconds?: number;
            /** Format: date-time */
            until?: string;
            /**
             * @default api
             * @enum {string}
             */
            via?: 'api' | 'cli';
          };
        };
      };
      responses: {
        /** @description Done, or already so */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['RunSteering'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The run's state does not allow it */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description The run's workflow does not answer */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/runs/{id}/open': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Open a scheduled run now */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            /** @default false */
            dry_run?: boolean;
            order_id?: string;
            /** @default  */
            reason?: string;
            /**
             * @default api
             * @enum {string}
             */
            via?: 'api' | 'cli';
          };
        };
      };
      responses: {
        /** @description Done, or already so */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['RunSteering'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The run's state does not allow it */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description The run's workflow does not answer */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/runs/{id}/pause': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Pause a run: no new claims, running leases finish, the timer stands still */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            /** @default false */
            dry_run?: boolean;
            order_id?: string;
            /** @default  */
            reason?: string;
            /**
             * @default api
             * @enum {string}
             */
            via?: 'api' | 'cli';
          };
        };
      };
      responses: {
        /** @description Done, or already so */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['RunSteering'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The run's state does not allow it */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description The run's workflow does not answer */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/runs/{id}/resume': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Resume a paused run */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            /** @default false */
            dry_run?: boolean;
            order_id?: string;
            /** @default  */
            reason?: string;
            /**
             * @default api
             * @enum {string}
             */
            via?: 'api' | 'cli';
          };
        };
      };
      responses: {
        /** @description Done, or already so */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['RunSteering'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The run's state does not allow it */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description The run's workflow does not answer */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/runs/{id}/retry': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Try the step that a run is stuck in again now */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            /** @default false */
            dry_run?: boolean;
            order_id?: string;
            /** @default  */
            reason?: string;
            /**
             * @default api
             * @enum {string}
             */
            via?: 'api' | 'cli';
          };
        };
      };
      responses: {
        /** @description Done, or already so */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['RunSteering'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The run's state does not allow it */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description The run's workflow does not answer */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/runs/{id}/tasks/{task_id}/re-enrich': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Ask the oracles about a task again whose truth is not settled */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
          task_id: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            /** @default false */
            dry_run?: boolean;
            order_id?: string;
            /** @default  */
            reason?: string;
            /**
             * @default api
             * @enum {string}
             */
            via?: 'api' | 'cli';
          };
        };
      };
      responses: {
        /** @description Asked again, or settled already */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ReEnrichment'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such task */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The run is over */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description Its workflow, or Temporal, does not answer */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/runs/advance': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Close the open run at once and wait for the next one to open */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Advanced */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['RunAdvance'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description There is no run to advance */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No other run opened in time */
        500: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The run's workflow does not answer */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/runs/current': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The open run */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The run, or that none is open */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json':
              | {
                  /**
                   * @description UTC, ISO-8601 without a zone
                   * @example 2025-01-31T12:00:00.123000
                   */
                  ends_at: string | null;
                  id: string;
                  sequence: number;
                  /**
                   * @description UTC, ISO-8601 without a zone
                   * @example 2025-01-31T12:00:00.123000
                   */
                  started_at: string | null;
                  status: string;
                }
              | {
                  /** @enum {string} */
                  status: 'no_open_run';
                };
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No owner is configured */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/stuck': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** What is stuck and why: every running workflow that something keeps from going on */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Workflows, longest running first */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['StuckWorkflow'][];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Its workflow, or Temporal, does not answer */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/submissions': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Submissions of everybody, newest first */
    get: {
      parameters: {
        query?: {
          limit?: number;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Submissions */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['AdminSubmission'][];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description No owner is configured */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/submissions/{id}/ban': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Refuse the hotkey of a submission from now on, and take back what it has submitted */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            /** @default false */
            dry_run?: boolean;
            order_id?: string;
            reason: string;
            /**
             * @default api
             * @enum {string}
             */
            via?: 'api' | 'cli';
          };
        };
      };
      responses: {
        /** @description Banned, now or before */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Ban'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such submission */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description Its workflow, or Temporal, does not answer */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/validators': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Validators, by uid */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Validators */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Validator'][];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No owner is configured */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    put?: never;
    /** Admit a validator, or set its uid and stake and make it active again */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            hotkey: string;
            /** @default 0 */
            stake?: number;
            /** @default 0 */
            uid?: number;
          };
        };
      };
      responses: {
        /** @description Admitted */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidatorChange'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description No owner is configured */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/admin/validators/{hotkey}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    post?: never;
    /** Remove a validator from the whitelist */
    delete: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          hotkey: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Removed */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidatorChange'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such validator */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description No owner is configured */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    options?: never;
    head?: never;
    /** Enable or disable a validator */
    patch: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          hotkey: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            is_active: boolean;
          };
        };
      };
      responses: {
        /** @description Changed */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidatorChange'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such validator */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description No owner is configured */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    trace?: never;
  };
  '/v1/admin/whoami': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Who the owner is, and of which subnet */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The owner */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Whoami'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not the owner */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No owner is configured */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/deployments': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The signer's deployments, newest first */
    get: {
      parameters: {
        query?: {
          limit?: number;
          offset?: number;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Deployments */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Deployment'][];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Replayed (mutating methods) */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/deployments/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** One deployment; for its miner and the owner */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The deployment */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Deployment'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Another hotkey runs it */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such deployment */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Replayed (mutating methods) */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/deployments/{id}/health-history': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** What happened to a deployment, newest first; for its miner and the owner */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Events */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['DeploymentHealthEvent'][];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Another hotkey runs it */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such deployment */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Replayed (mutating methods) */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/env-windows': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** What is evaluated, by family; the same always */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description One window a family */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              capability: string;
              enabled: boolean;
              evaluation_split: string;
              family_id: string;
              latest_window_membership_version: string;
              min_completeness: number;
              tasks: unknown[];
              weight: number;
            }[];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/eval/feedback': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The signer's feedback of a run */
    get: {
      parameters: {
        query: {
          cursor?: string;
          limit?: number;
          run_id: string;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Feedback, oldest first; while the run is open without the claims that answers are held against */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Feedback'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Replayed (mutating methods) */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description Feedback is switched off */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/families/{family}/aggregate': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** A family's aggregate of a run */
    get: {
      parameters: {
        query?: {
          epoch_id?: string;
          run_id?: string;
        };
        header?: never;
        path: {
          family: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Aggregate */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Aggregate'];
          };
        };
        /** @description No such family */
        400: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not an active validator */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/families/{family}/scorecards': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** A family's scorecards of a run, best first */
    get: {
      parameters: {
        query?: {
          epoch_id?: string;
          run_id?: string;
        };
        header?: never;
        path: {
          family: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Scorecards */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Scorecard'][];
          };
        };
        /** @description No such family */
        400: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not an active validator */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/families/{family}/targets': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Who is evaluated in a run and on what; reading it freezes nothing, and members carry no credentials */
    get: {
      parameters: {
        query?: {
          benchmark_version?: string;
          epoch_id?: string;
          judge_model?: string;
          rubric_version?: string;
          run_id?: string;
        };
        header?: never;
        path: {
          family: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Targets */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Targets'];
          };
        };
        /** @description No such family */
        400: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not an active validator */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/families/{family}/task-evaluations/{id}/baseline-failed': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Give a lease back */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          family: string;
          id: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            fencing?: number | null;
            reason?: string | null;
          } | null;
        };
      };
      responses: {
        /** @description Released */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              /** @enum {string} */
              status: 'released';
            };
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description `rejected_not_found`, or `rejected_wrong_validator` */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description `rejected_not_claimed` and why, when, and what to do; or a replayed request */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/families/{family}/task-evaluations/{id}/heartbeat': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Keep a lease, up to the work cap */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          family: string;
          id: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            fencing?: number | null;
          } | null;
        };
      };
      responses: {
        /** @description The new end of the lease */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              claim_expires_at: string;
              fencing: number;
              task_evaluation_id: string;
            };
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description `rejected_not_found`, or `rejected_wrong_validator` */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description `rejected_not_claimed` and why, when, and what to do; or a replayed request */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/families/{family}/task-evaluations/{id}/result': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Settle a lease with its result
     * @description The official score is computed here. Offered miners that the body leaves out go back to the pool; the same lease sent again gets the stored answer.
     */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          family: string;
          id: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            baseline_response?: {
              [key: string]: unknown;
            } | null;
            fencing?: number | null;
            judge_model?: string | null;
            /** @default [] */
            miner_results?: {
              [key: string]: unknown;
            }[];
            /** @default 0 */
            oracle_cost_usd?: number;
            /** @default [] */
            released_miners?: {
              miner_hotkey: string;
              reason?: string | null;
            }[];
            validator_hotkey?: string | null;
          };
        };
      };
      responses: {
        /** @description Accepted, now or by the same lease before */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              family_evaluation_complete: boolean;
              remaining_task_count: number;
              /** @enum {string} */
              status: 'accepted';
              task_evaluation_id: string;
            };
          };
        };
        /** @description Entries for miners that were not offered, or two for one miner */
        400: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description `rejected_not_found`, or `rejected_wrong_validator` */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description `rejected_not_claimed` and why, when, and what to do; or a replayed request */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/families/{family}/tasks/claim': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Claim tasks */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          family: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            /** @default 1 */
            batch_size?: number;
            claim_key?: string | null;
            run_id?: string | null;
          };
        };
      };
      responses: {
        /** @description Tasks under a lease, none when there is nothing to do */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              remaining_task_count: number;
              tasks: {
                benchmark_version: string | null;
                cached_baseline: {
                  [key: string]: unknown;
                } | null;
                claim_expires_at: string;
                claim_heartbeat_url: string;
                expected_claims: unknown[];
                family_id: string;
                fencing: number;
                miners: {
                  auth_headers: {
                    [key: string]: string;
                  };
                  endpoint: string;
                  hotkey: string;
                }[];
                must_not_claim: unknown[];
                oracle_status: string | null;
                rubric_version: string | null;
                run_id: string;
                scoring_version: number;
                task_evaluation_id: string;
                task_id: string;
                task_index: number;
                task_payload: {
                  [key: string]: unknown;
                };
              }[];
            };
          };
        };
        /** @description Unknown family */
        400: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not an active validator */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Unknown run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/families/{family}/tasks/status': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** How far the tasks of a run are */
    get: {
      parameters: {
        query?: {
          epoch_id?: string;
          run_id?: string;
        };
        header?: never;
        path: {
          family: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Counts */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              claimed_tasks: number;
              evaluated_tasks: number;
              family_id: string;
              miners: {
                judgments_received: number;
                miner_hotkey: string;
              }[];
              pending_tasks: number;
              run_id: string;
              total_tasks: number;
            };
          };
        };
        /** @description Unknown family */
        400: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not an active validator */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Unknown run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/internal/artifacts': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Keep an artifact; the same content again is the one that is there */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            artifact_kind: string;
            content_base64: string;
            deployment_id?: string | null;
            family_id: string;
            /** @default {} */
            metadata?: {
              [key: string]: unknown;
            };
            mime_type?: string | null;
            retained_for_run_id?: string | null;
            submission_id?: string | null;
          };
        };
      };
      responses: {
        /** @description Kept */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['StoredArtifact'];
          };
        };
        /** @description Not base64, or names that no key can be made of */
        400: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The internal service token is missing or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description The object store failed */
        502: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/internal/artifacts/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The bytes of an artifact */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The bytes, as the type they were kept with */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/octet-stream': string;
          };
        };
        /** @description The internal service token is missing or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such artifact */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/internal/candidate-registry': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Healthy deployments by family */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Healthy deployments, the older first */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              [key: string]: components['schemas']['RegistryEntry'][];
            };
          };
        };
        /** @description The internal service token is missing or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/internal/checkpoints/{thread}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Keep a checkpoint of a thread
     * @description Header `X-Eirel-Checkpoint-Namespace: miner-{deployment id}`. The bearer is the internal token, or the token of the agent itself, which reaches only threads of its own deployment.
     */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          thread: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            checkpoint_id: string;
            /** @default {} */
            metadata?: {
              [key: string]: unknown;
            };
            node?: string | null;
            parent_id?: string | null;
            /** @default [] */
            pending_writes?: unknown[];
            state: string;
          };
        };
      };
      responses: {
        /** @description Kept, now or before */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Checkpoint'];
          };
        };
        /** @description No namespace, or a state that is not base64 */
        400: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The internal service token is missing or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Another deployment's namespace */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such deployment */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The thread belongs to another deployment */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The state is larger than 256 KiB */
        413: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    /** Forget a thread */
    delete: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          thread: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description How many checkpoints were forgotten */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              deleted: number;
              thread_id: string;
            };
          };
        };
        /** @description The internal service token is missing or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/internal/checkpoints/{thread}/history': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Checkpoints of a thread, newest first */
    get: {
      parameters: {
        query?: {
          checkpoint_id?: string;
          limit?: number;
        };
        header?: never;
        path: {
          thread: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The checkpoints */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              items: components['schemas']['Checkpoint'][];
            };
          };
        };
        /** @description The internal service token is missing or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/internal/checkpoints/{thread}/latest': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The latest checkpoint of a thread */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          thread: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The checkpoint */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Checkpoint'];
          };
        };
        /** @description The internal service token is missing or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The thread has none */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/internal/deployments/{id}/artifact': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The archive that a deployment runs */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description gzip tar */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/gzip': string;
          };
        };
        /** @description The internal service token is missing or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such deployment or archive */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/internal/epochs/{run}/deployments/{deployment}/healthz': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Health of a run member's agent */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          deployment: string;
          run: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Its health */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              deployment_revision: string;
              family_id: string;
              run_id: string;
              runtime_endpoint_url: string | null;
              snapshot_status: string;
              status: string;
            };
          };
        };
        /** @description The internal service token is missing or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such deployment, or not a member of the run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The snapshot is closed, the deployment is retired, or no lease of the caller covers it */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description The deployment is not placed */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/internal/epochs/{run}/deployments/{deployment}/v1/agent/infer': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Ask an agent
     * @description The answer carries what the owner attests: job id, tool calls and cost.
     */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          deployment: string;
          run: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            [key: string]: unknown;
          };
        };
      };
      responses: {
        /** @description The answer */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              /** @default [] */
              artifacts: {
                artifact_id: string;
                /** @enum {string} */
                kind: 'image' | 'audio' | 'video' | 'document' | 'other';
                /** @default {} */
                metadata: {
                  [key: string]: unknown;
                };
                mime_type?: string | null;
                uri: string;
              }[];
              /** @default [] */
              checkpoint_events: {
                [key: string]: unknown;
              }[];
              /** @default [] */
              citations: string[];
              /** @default 0 */
              cost_tao: number;
              error?: string | null;
              family_id?: string | null;
              /** @default 0 */
              latency_ms: number;
              /** @default {} */
              metadata: {
                [key: string]: unknown;
              };
              /** @default {} */
              output: {
                [key: string]: unknown;
              };
              recovery_score?: number | null;
              reliability_score?: number | null;
              resume_token?: string | null;
              /** @default {} */
              runtime_state_patch: {
                [key: string]: unknown;
              };
              /**
               * @default completed
               * @enum {string}
               */
              status: 'completed' | 'failed' | 'deferred';
              task_id?: string | null;
            };
          };
        };
        /** @description The internal service token is missing or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such deployment, or not a member of the run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The snapshot is closed, the deployment is retired, or no lease of the caller covers it */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description The agent failed; `failure_class` says through whom */
        502: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The deployment is not placed */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/internal/epochs/{run}/deployments/{deployment}/v1/agent/infer/stream': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Ask an agent, streamed
     * @description NDJSON events. The last line is always `done`; a failure is a `done` with status `failed` and `metadata.failure_class`, under status 200.
     */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          deployment: string;
          run: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            [key: string]: unknown;
          };
        };
      };
      responses: {
        /** @description Events */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/x-ndjson': string;
          };
        };
        /** @description The internal service token is missing or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such deployment, or not a member of the run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The snapshot is closed, the deployment is retired, or no lease of the caller covers it */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description The deployment is not placed */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/internal/eval/job_ledger': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Tool calls of a job
     * @description Jobs of the caller's own claims, of runs that are over, and ids that are no attempt's; any other is empty.
     */
    get: {
      parameters: {
        query: {
          job_id: string;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Calls, oldest first */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              job_id: string;
              n_calls: number;
              tool_calls: {
                args_hash: string;
                args_json: {
                  [key: string]: unknown;
                };
                cost_usd: number;
                error: string | null;
                id: string;
                job_id: string;
                latency_ms: number;
                result_digest: string;
                status: string;
                tool_name: string;
                ts: string;
              }[];
            };
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not an active validator */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/internal/eval/tool_calls': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Record a tool call of a job */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            /** @default  */
            args_hash?: string;
            /** @default {} */
            args_json?: {
              [key: string]: unknown;
            };
            /** @default 0 */
            cost_usd?: number;
            error?: string | null;
            job_id: string;
            /** @default 0 */
            latency_ms?: number;
            /** @default  */
            result_digest?: string;
            /** @default ok */
            status?: string;
            tool_name: string;
          };
        };
      };
      responses: {
        /** @description The row */
        201: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              args_hash: string;
              args_json: {
                [key: string]: unknown;
              };
              cost_usd: number;
              error: string | null;
              id: string;
              job_id: string;
              latency_ms: number;
              result_digest: string;
              status: string;
              tool_name: string;
              ts: string;
            };
          };
        };
        /** @description The internal service token is missing or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/internal/registry': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The serving fleet by family */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Active deployments, best rank first */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              [key: string]: components['schemas']['RegistryEntry'][];
            };
          };
        };
        /** @description The internal service token is missing or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/internal/runs/{run}/deployments/{deployment}/healthz': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Health of a run member's agent */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          deployment: string;
          run: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Its health */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              deployment_revision: string;
              family_id: string;
              run_id: string;
              runtime_endpoint_url: string | null;
              snapshot_status: string;
              status: string;
            };
          };
        };
        /** @description The internal service token is missing or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such deployment, or not a member of the run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The snapshot is closed, the deployment is retired, or no lease of the caller covers it */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description The deployment is not placed */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/internal/runs/{run}/deployments/{deployment}/v1/agent/infer': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Ask an agent
     * @description The answer carries what the owner attests: job id, tool calls and cost.
     */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          deployment: string;
          run: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            [key: string]: unknown;
          };
        };
      };
      responses: {
        /** @description The answer */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              /** @default [] */
              artifacts: {
                artifact_id: string;
                /** @enum {string} */
                kind: 'image' | 'audio' | 'video' | 'document' | 'other';
                /** @default {} */
                metadata: {
                  [key: string]: unknown;
                };
                mime_type?: string | null;
                uri: string;
              }[];
              /** @default [] */
              checkpoint_events: {
                [key: string]: unknown;
              }[];
              /** @default [] */
              citations: string[];
              /** @default 0 */
              cost_tao: number;
              error?: string | null;
              family_id?: string | null;
              /** @default 0 */
              latency_ms: number;
              /** @default {} */
              metadata: {
                [key: string]: unknown;
              };
              /** @default {} */
              output: {
                [key: string]: unknown;
              };
              recovery_score?: number | null;
              reliability_score?: number | null;
              resume_token?: string | null;
              /** @default {} */
              runtime_state_patch: {
                [key: string]: unknown;
              };
              /**
               * @default completed
               * @enum {string}
               */
              status: 'completed' | 'failed' | 'deferred';
              task_id?: string | null;
            };
          };
        };
        /** @description The internal service token is missing or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such deployment, or not a member of the run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The snapshot is closed, the deployment is retired, or no lease of the caller covers it */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description The agent failed; `failure_class` says through whom */
        502: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The deployment is not placed */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/internal/runs/{run}/deployments/{deployment}/v1/agent/infer/stream': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Ask an agent, streamed
     * @description NDJSON events. The last line is always `done`; a failure is a `done` with status `failed` and `metadata.failure_class`, under status 200.
     */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          deployment: string;
          run: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            [key: string]: unknown;
          };
        };
      };
      responses: {
        /** @description Events */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/x-ndjson': string;
          };
        };
        /** @description The internal service token is missing or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such deployment, or not a member of the run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The snapshot is closed, the deployment is retired, or no lease of the caller covers it */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description The deployment is not placed */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/internal/serving/{family}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The agent that serves a family: the best of its active set */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          family: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The agent */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ServingMiner'];
          };
        };
        /** @description No such family */
        400: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The internal service token is missing or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Nobody serves it */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/internal/submissions/{id}/artifact': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The archive of a submission */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description gzip tar */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/gzip': string;
          };
        };
        /** @description The internal service token is missing or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such submission or archive */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/metagraph/status': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The last metagraph sync */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The last sync, or that there was none */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json':
              | {
                  /**
                   * @description UTC, ISO-8601 without a zone
                   * @example 2025-01-31T12:00:00.123000
                   */
                  created_at: string;
                  error: string | null;
                  miner_count: number;
                  netuid: number;
                  network: string;
                  status: string;
                  validator_count: number;
                }
              | {
                  netuid: number;
                  network: string;
                  /** @enum {string} */
                  status: 'never_synced';
                };
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/operators/runs/rollover': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** End the open run now and open the next one */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The run that is open now */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              /**
               * @description UTC, ISO-8601 without a zone
               * @example 2025-01-31T12:00:00.123000
               */
              ends_at: string | null;
              run_id: string;
              sequence: number;
              /**
               * @description UTC, ISO-8601 without a zone
               * @example 2025-01-31T12:00:00.123000
               */
              started_at: string | null;
              /** @enum {string} */
              status: 'rolled_over';
            };
          };
        };
        /** @description The internal service token is missing or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description There is no run to end */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No other run opened in time */
        500: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The run's workflow does not answer */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/runs': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Runs, latest first */
    get: {
      parameters: {
        query?: {
          limit?: number;
          offset?: number;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Runs */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Run'][];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/runs/{id}/evidence': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Everything that the scores and weights of a completed run can be recomputed from */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Canonical JSON; its SHA-256 is in `x-content-sha256` */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': unknown;
          };
        };
        /** @description No such run, or it is not completed */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/runs/{id}/progress': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Live progress of a run: tasks by status per miner, leases, validators, phase and time left */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Progress */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['RunProgress'];
          };
        };
        /** @description No such run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/runs/current': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The open run, else the next, else the last; reading it changes nothing */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The run */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Run'];
          };
        };
        /** @description There was no run yet */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/submissions': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Submit an agent
     * @description Multipart form with one file part `archive`: a gzip tar with `submission.yaml` at its root. The signature covers the SHA-256 of the whole multipart body. The fee is named by `block_hash` and `extrinsic_hash` or `extrinsic_index`, in the query or as text fields of the form.
     */
    post: {
      parameters: {
        query?: {
          block_hash?: string;
          extrinsic_hash?: string;
          /** @description the extrinsic's place in its block, instead of its hash */
          extrinsic_index?: string;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: {
        content: {
          'multipart/form-data': {
            /**
             * Format: binary
             * @description gzip tar with submission.yaml at its root
             */
            archive: string;
            block_hash?: string;
            extrinsic_hash?: string;
            /** @description the extrinsic's place in its block, instead of its hash */
            extrinsic_index?: string;
          };
        };
      };
      responses: {
        /** @description Accepted */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Submission'];
          };
        };
        /** @description Bad archive, manifest or fee */
        400: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The hotkey is not registered on the subnet */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Replayed (mutating methods) */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The archive or the body is too large */
        413: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description Too many submissions */
        429: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The owner cannot take submissions now; nothing was stored */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/submissions/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** One submission; for its miner and the owner */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The submission */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Submission'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Another hotkey made it */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such submission */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Replayed (mutating methods) */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/submissions/{id}/artifact': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The archive of an own submission */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description gzip tar */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/gzip': string;
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Another hotkey made it */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such submission */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Replayed (mutating methods) */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/submissions/{id}/build-log': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** What the build of a submission printed, also while it runs; for its miner and the owner */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Text */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'text/plain; charset=utf-8': string;
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Another hotkey made it */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such submission */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Replayed (mutating methods) */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/submissions/{id}/canonical': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The result of an own submission in one verdict */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Result */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['CanonicalResult'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Another hotkey made it */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such submission */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Replayed (mutating methods) */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/submissions/{id}/events': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** What happened to a submission and why, and what happens next; for its miner and the owner */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The journey */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['SubmissionJourney'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Another hotkey made it */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such submission */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Replayed (mutating methods) */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/submissions/{id}/progress': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** How far the evaluation of an own submission has come */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Progress */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['SubmissionProgress'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Another hotkey made it */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such submission */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Replayed (mutating methods) */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/submissions/{id}/scorecards': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Scores of an own submission, newest first */
    get: {
      parameters: {
        query?: {
          limit?: number;
        };
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Scorecards */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Scorecard'][];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Another hotkey made it */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such submission */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Replayed (mutating methods) */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/submissions/{id}/withdraw': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Take a submission back; for its miner and the owner */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            /** @default false */
            dry_run?: boolean;
            order_id?: string;
            /** @default  */
            reason?: string;
            /**
             * @default api
             * @enum {string}
             */
            via?: 'api' | 'cli';
          };
        };
      };
      responses: {
        /** @description Withdrawn, now or before */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Withdrawal'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Another hotkey made it */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such submission */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description It has ended in another way */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description Its workflow does not answer */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/submissions/current': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The signer's newest submission, or null */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The submission or null */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Submission'] | null;
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Replayed (mutating methods) */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/submissions/mine': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** All submissions of the signer, newest first, with how their builds went */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The submissions */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['OwnSubmission'][];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Replayed (mutating methods) */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/submissions/pool': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Submissions of everybody, newest first */
    get: {
      parameters: {
        query?: {
          limit?: number;
          offset?: number;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The submissions */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['PoolItem'][];
          };
        };
        /** @description The internal service token is missing or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/tasks/{id}/heartbeat': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Keep a lease, up to the work cap */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            fencing?: number | null;
          } | null;
        };
      };
      responses: {
        /** @description The new end of the lease */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              claim_expires_at: string;
              fencing: number;
              task_evaluation_id: string;
            };
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description `rejected_not_found`, or `rejected_wrong_validator` */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description `rejected_not_claimed` and why, when, and what to do; or a replayed request */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/tasks/{id}/result': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Settle a lease with its result */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          id: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            baseline_response?: {
              [key: string]: unknown;
            } | null;
            fencing?: number | null;
            judge_model?: string | null;
            /** @default [] */
            miner_results?: {
              [key: string]: unknown;
            }[];
            /** @default 0 */
            oracle_cost_usd?: number;
            /** @default [] */
            released_miners?: {
              miner_hotkey: string;
              reason?: string | null;
            }[];
            validator_hotkey?: string | null;
          };
        };
      };
      responses: {
        /** @description Accepted, now or by the same lease before */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              family_evaluation_complete: boolean;
              remaining_task_count: number;
              /** @enum {string} */
              status: 'accepted';
              task_evaluation_id: string;
            };
          };
        };
        /** @description Entries for miners that were not offered, or two for one miner */
        400: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description `rejected_not_found`, or `rejected_wrong_validator` */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description `rejected_not_claimed` and why, when, and what to do; or a replayed request */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/tasks/claim': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Claim tasks of the default family, or of the one in the body */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            /** @default 1 */
            batch_size?: number;
            claim_key?: string | null;
            /** @default general_chat */
            family_id?: string;
            run_id?: string | null;
          };
        };
      };
      responses: {
        /** @description Tasks under a lease, none when there is nothing to do */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              remaining_task_count: number;
              tasks: {
                benchmark_version: string | null;
                cached_baseline: {
                  [key: string]: unknown;
                } | null;
                claim_expires_at: string;
                claim_heartbeat_url: string;
                expected_claims: unknown[];
                family_id: string;
                fencing: number;
                miners: {
                  auth_headers: {
                    [key: string]: string;
                  };
                  endpoint: string;
                  hotkey: string;
                }[];
                must_not_claim: unknown[];
                oracle_status: string | null;
                rubric_version: string | null;
                run_id: string;
                scoring_version: number;
                task_evaluation_id: string;
                task_id: string;
                task_index: number;
                task_payload: {
                  [key: string]: unknown;
                };
              }[];
            };
          };
        };
        /** @description Unknown family */
        400: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not an active validator */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Unknown run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/validator/epochs/{run}/deployments/{deployment}/healthz': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Health of a run member's agent */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          deployment: string;
          run: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Its health */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              deployment_revision: string;
              family_id: string;
              run_id: string;
              runtime_endpoint_url: string | null;
              snapshot_status: string;
              status: string;
            };
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not an active validator */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such deployment, or not a member of the run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The snapshot is closed, the deployment is retired, or no lease of the caller covers it */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description The deployment is not placed */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/validator/epochs/{run}/deployments/{deployment}/v1/agent/infer': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Ask an agent
     * @description The answer carries what the owner attests: job id, tool calls and cost.
     */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          deployment: string;
          run: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            [key: string]: unknown;
          };
        };
      };
      responses: {
        /** @description The answer */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              /** @default [] */
              artifacts: {
                artifact_id: string;
                /** @enum {string} */
                kind: 'image' | 'audio' | 'video' | 'document' | 'other';
                /** @default {} */
                metadata: {
                  [key: string]: unknown;
                };
                mime_type?: string | null;
                uri: string;
              }[];
              /** @default [] */
              checkpoint_events: {
                [key: string]: unknown;
              }[];
              /** @default [] */
              citations: string[];
              /** @default 0 */
              cost_tao: number;
              error?: string | null;
              family_id?: string | null;
              /** @default 0 */
              latency_ms: number;
              /** @default {} */
              metadata: {
                [key: string]: unknown;
              };
              /** @default {} */
              output: {
                [key: string]: unknown;
              };
              recovery_score?: number | null;
              reliability_score?: number | null;
              resume_token?: string | null;
              /** @default {} */
              runtime_state_patch: {
                [key: string]: unknown;
              };
              /**
               * @default completed
               * @enum {string}
               */
              status: 'completed' | 'failed' | 'deferred';
              task_id?: string | null;
            };
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not an active validator */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such deployment, or not a member of the run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The snapshot is closed, the deployment is retired, or no lease of the caller covers it */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description The agent failed; `failure_class` says through whom */
        502: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The deployment is not placed */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/validator/epochs/{run}/deployments/{deployment}/v1/agent/infer/stream': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Ask an agent, streamed
     * @description NDJSON events. The last line is always `done`; a failure is a `done` with status `failed` and `metadata.failure_class`, under status 200.
     */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          deployment: string;
          run: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            [key: string]: unknown;
          };
        };
      };
      responses: {
        /** @description Events */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/x-ndjson': string;
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not an active validator */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such deployment, or not a member of the run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The snapshot is closed, the deployment is retired, or no lease of the caller covers it */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description The deployment is not placed */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/validator/runs/{run}/deployments/{deployment}/healthz': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Health of a run member's agent */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          deployment: string;
          run: string;
        };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Its health */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              deployment_revision: string;
              family_id: string;
              run_id: string;
              runtime_endpoint_url: string | null;
              snapshot_status: string;
              status: string;
            };
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not an active validator */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such deployment, or not a member of the run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The snapshot is closed, the deployment is retired, or no lease of the caller covers it */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description The deployment is not placed */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/validator/runs/{run}/deployments/{deployment}/infer': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Ask an agent
     * @description The answer carries what the owner attests: job id, tool calls and cost.
     */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          deployment: string;
          run: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            [key: string]: unknown;
          };
        };
      };
      responses: {
        /** @description The answer */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              /** @default [] */
              artifacts: {
                artifact_id: string;
                /** @enum {string} */
                kind: 'image' | 'audio' | 'video' | 'document' | 'other';
                /** @default {} */
                metadata: {
                  [key: string]: unknown;
                };
                mime_type?: string | null;
                uri: string;
              }[];
              /** @default [] */
              checkpoint_events: {
                [key: string]: unknown;
              }[];
              /** @default [] */
              citations: string[];
              /** @default 0 */
              cost_tao: number;
              error?: string | null;
              family_id?: string | null;
              /** @default 0 */
              latency_ms: number;
              /** @default {} */
              metadata: {
                [key: string]: unknown;
              };
              /** @default {} */
              output: {
                [key: string]: unknown;
              };
              recovery_score?: number | null;
              reliability_score?: number | null;
              resume_token?: string | null;
              /** @default {} */
              runtime_state_patch: {
                [key: string]: unknown;
              };
              /**
               * @default completed
               * @enum {string}
               */
              status: 'completed' | 'failed' | 'deferred';
              task_id?: string | null;
            };
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not an active validator */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such deployment, or not a member of the run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The snapshot is closed, the deployment is retired, or no lease of the caller covers it */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description The agent failed; `failure_class` says through whom */
        502: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The deployment is not placed */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/validator/runs/{run}/deployments/{deployment}/v1/agent/infer': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Ask an agent
     * @description The answer carries what the owner attests: job id, tool calls and cost.
     */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          deployment: string;
          run: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            [key: string]: unknown;
          };
        };
      };
      responses: {
        /** @description The answer */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': {
              /** @default [] */
              artifacts: {
                artifact_id: string;
                /** @enum {string} */
                kind: 'image' | 'audio' | 'video' | 'document' | 'other';
                /** @default {} */
                metadata: {
                  [key: string]: unknown;
                };
                mime_type?: string | null;
                uri: string;
              }[];
              /** @default [] */
              checkpoint_events: {
                [key: string]: unknown;
              }[];
              /** @default [] */
              citations: string[];
              /** @default 0 */
              cost_tao: number;
              error?: string | null;
              family_id?: string | null;
              /** @default 0 */
              latency_ms: number;
              /** @default {} */
              metadata: {
                [key: string]: unknown;
              };
              /** @default {} */
              output: {
                [key: string]: unknown;
              };
              recovery_score?: number | null;
              reliability_score?: number | null;
              resume_token?: string | null;
              /** @default {} */
              runtime_state_patch: {
                [key: string]: unknown;
              };
              /**
               * @default completed
               * @enum {string}
               */
              status: 'completed' | 'failed' | 'deferred';
              task_id?: string | null;
            };
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not an active validator */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such deployment, or not a member of the run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The snapshot is closed, the deployment is retired, or no lease of the caller covers it */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description The agent failed; `failure_class` says through whom */
        502: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The deployment is not placed */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/validator/runs/{run}/deployments/{deployment}/v1/agent/infer/stream': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Ask an agent, streamed
     * @description NDJSON events. The last line is always `done`; a failure is a `done` with status `failed` and `metadata.failure_class`, under status 200.
     */
    post: {
      parameters: {
        query?: never;
        header?: never;
        path: {
          deployment: string;
          run: string;
        };
        cookie?: never;
      };
      requestBody?: {
        content: {
          'application/json': {
            [key: string]: unknown;
          };
        };
      };
      responses: {
        /** @description Events */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/x-ndjson': string;
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not an active validator */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description No such deployment, or not a member of the run */
        404: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description The snapshot is closed, the deployment is retired, or no lease of the caller covers it */
        409: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
        /** @description The deployment is not placed */
        503: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/validators/me': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The signer's entry in the whitelist */
    get: {
      parameters: {
        query?: never;
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description The entry */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Validator'];
          };
        };
        /** @description The signature headers are missing, stale or wrong */
        401: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
        /** @description Not an active validator */
        403: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Error'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/v1/weights': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The weights of the latest completed run, or of the one that is asked for */
    get: {
      parameters: {
        query?: {
          run_id?: string;
        };
        header?: never;
        path?: never;
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        /** @description Weights */
        200: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['Weights'];
          };
        };
        /** @description A field is missing or wrong */
        422: {
          headers: {
            [name: string]: unknown;
          };
          content: {
            'application/json': components['schemas']['ValidationError'];
          };
        };
      };
    };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
}
export type webhooks = Record<string, never>;
export interface components {
  schemas: {
    AdminDeployment: {
      assigned_node_name: string | null;
      family_id: string;
      health_status: string;
      id: string;
      is_active: boolean;
      miner_hotkey: string;
      placement_status: string;
      status: string;
      submission_id: string;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      updated_at: string;
    };
    AdminRun: {
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      closed_at: string | null;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      ends_at: string | null;
      id: string;
      sequence: number;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      started_at: string | null;
      status: string;
    };
    AdminSubmission: {
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      created_at: string;
      family_id: string;
      id: string;
      introduced_run_id: string | null;
      miner_hotkey: string;
      status: string;
      submission_seq: number;
    };
    Aggregate: {
      aggregate_snapshot: {
        [key: string]: unknown;
      } | null;
      analyst_anti_gaming_metrics: {
        [key: string]: unknown;
      };
      analyst_failure_taxonomy: {
        [key: string]: unknown;
      };
      analyst_protocol_status: {
        [key: string]: unknown;
      };
      analyst_trace_metrics: {
        [key: string]: unknown;
      };
      analyst_track_gate_status: {
        [key: string]: unknown;
      };
      analyst_track_scores: {
        [key: string]: unknown;
      };
      analyst_truth_metrics: {
        [key: string]: unknown;
      };
      analyst_variant_gate_status: {
        [key: string]: unknown;
      };
      analyst_variant_scores: {
        [key: string]: unknown;
      };
      consistency_passed_candidate_count: number;
      eligible_scored_miner_count: number;
      family_id: string;
      gate_passed_candidate_count: number;
      late_submission_count: number;
      official_scoring_version?: unknown;
      quorum_reached: boolean;
      required_quorum: number;
      run_id: string;
      scored_miner_count: number;
      scoring_policy_version?: unknown;
      /** @enum {string} */
      status: 'pending' | 'aggregated';
      top_candidate_consistency_status?: unknown;
      top_candidate_gate_status?: unknown;
      top_official_family_score: number | null;
      validator_submission_count: number;
      validators: string[];
      winner_consistency_status?: unknown;
      winner_gate_failures: unknown[];
      winner_gate_status?: unknown;
      winner_submission_id: string | null;
    };
    ArchiveFile: {
      content: string;
      path: string;
      size_bytes: number;
    };
    ArchiveFiles: {
      archive_sha256: string;
      files: {
        path: string;
        size_bytes: number;
      }[];
      run_id: string;
      submission_id: string;
    };
    ArtifactRef: {
      artifact_id: string;
      download_path: string;
      mime_type: string;
      sha256: string;
      size_bytes: number;
      storage_uri: string;
    };
    Ban: {
      action: string;
      changed: boolean;
      dry_run: boolean;
      hotkey: string;
      message: string;
      submission_id: string;
      withdrawn: string[];
    };
    BannedHotkey: {
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      banned_at: string;
      banned_by: string;
      hotkey: string;
      reason: string;
    };
    CanonicalResult: {
      aggregation_method: string | null;
      overall_score: number | null;
      /** @enum {string} */
      status: 'pending' | 'failed' | 'finalized';
      submission_id: string;
      summary: {
        [key: string]: unknown;
      };
      validator_count: number;
    };
    Checkpoint: {
      checkpoint_id: string;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      created_at: string;
      metadata: {
        [key: string]: unknown;
      };
      node: string | null;
      parent_id: string | null;
      pending_writes: unknown[];
      state: string;
      thread_id: string;
    };
    DashboardRuns: {
      family_id: string;
      runs: {
        best_raw_score: number | null;
        /**
         * @description UTC, ISO-8601 without a zone
         * @example 2025-01-31T12:00:00.123000
         */
        closed_at: string | null;
        /**
         * @description UTC, ISO-8601 without a zone
         * @example 2025-01-31T12:00:00.123000
         */
        ends_at: string;
        run_id: string;
        sequence: number;
        /**
         * @description UTC, ISO-8601 without a zone
         * @example 2025-01-31T12:00:00.123000
         */
        started_at: string;
        status: string;
        winner_hotkey: string | null;
      }[];
    };
    Deployment: {
      active_set_rank: number | null;
      assigned_cpu_millis: number;
      assigned_memory_bytes: number;
      assigned_node_name: string | null;
      benchmark_version: string;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      created_at: string;
      deployment_revision: string;
      endpoint: string;
      family_id: string;
      health_details: {
        [key: string]: unknown;
      };
      health_status: string;
      id: string;
      image_ref: string;
      is_active: boolean;
      is_draining: boolean;
      is_eligible: boolean;
      judge_model: string;
      latency_ms_p50: number;
      miner_hotkey: string;
      placement_error: string | null;
      placement_status: string;
      requested_cpu_millis: number;
      requested_memory_bytes: number;
      rubric_version: string;
      status: string;
      submission_id: string;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      updated_at: string;
    };
    DeploymentHealthEvent: {
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      created_at: string;
      details: {
        [key: string]: unknown;
      };
      reason: string | null;
      status: string;
    };
    DeploymentOrder: {
      action: string;
      changed: boolean;
      deployment_id: string;
      dry_run: boolean;
      message: string;
      open_leases: number;
      status: string;
    };
    Enrichment: {
      cost_usd: number;
      oracle_status: string | null;
      reason: string | null;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      settled_at: string | null;
      side: string | null;
      status: string;
      task_id: string;
      task_index: number;
    };
    Error: {
      detail: string;
    };
    FactorMeans: {
      cost_attestation_knockout: number;
      efficiency_factor: number;
      grounded_correctness_gate: number;
      hallucination_knockout: number;
      instruction_safety_gate: number;
      outcome_score: number;
      pairwise_bonus: number;
      safety_attestation_knockout: number;
      tool_attestation_factor: number;
    };
    Families: {
      families: {
        active: boolean;
        id: string;
        label: string;
        weight: number;
      }[];
    };
    Feedback: {
      items: {
        composite_score: number;
        created_at: string;
        expected_claims: string[] | null;
        explanation: string;
        factors: {
          [key: string]: unknown;
        };
        failure_mode: string | null;
        guidance: string;
        id: string;
        knockout_reasons: string[];
        miner_hotkey: string;
        missing_claim_count: number | null;
        missing_claims: string[] | null;
        oracle_note: string | null;
        oracle_status: string | null;
        outcome: string;
        prompt_excerpt: string;
        redacted: boolean;
        response_excerpt: string;
        run_id: string;
        task_id: string;
      }[];
      miner_hotkey: string;
      n_items: number;
      next_cursor: string | null;
      run_id: string;
    };
    Health: {
      checks: {
        [key: string]: string;
      };
      /** @enum {string} */
      mode: 'managed-execution';
      /** @enum {string} */
      status: 'ok' | 'degraded';
    };
    Leaderboard: {
      entries: {
        agent_name: string | null;
        agent_version: string | null;
        artifact_sha256: string | null;
        costs: components['schemas']['RunCosts'];
        deployment_id: string | null;
        epochs_participated: number;
        factors: components['schemas']['FactorMeans'] | null;
        hotkey: string;
        hotkey_short: string;
        is_running: boolean;
        is_serving_winner: boolean;
        metrics: {
          contradicts_count: number;
          error_rate: number;
          gate_knockout_count: number;
          matches_count: number;
          mean_agreement: number | null;
          mean_computation_correctness: number | null;
          mean_grounded_correctness: number | null;
          mean_instruction_safety: number | null;
          mean_latency_cost: number | null;
          mean_pairwise_preference: number | null;
          mean_retrieval_quality: number | null;
          mean_task_score: number | null;
          mean_tool_routing: number | null;
          not_applicable_count: number;
          partially_matches_count: number;
          reliable: boolean;
          tasks_with_computation_correctness: number;
          tasks_with_grounded: number;
          tasks_with_latency_cost: number;
          tasks_with_pairwise: number;
          tasks_with_retrieval: number;
          tasks_with_safety: number;
          tasks_with_tool_routing: number;
        };
        previous_rank: number | null;
        rank: number;
        raw_score: number;
        submission_id: string | null;
        tasks_answered: number;
        tasks_total: number;
        /** @enum {string} */
        trend: 'up' | 'down' | 'stable' | 'new';
        win_count: number;
      }[];
      family_id: string;
      run_id: string | null;
      run_sequence: number | null;
      run_status: string | null;
      total: number;
    };
    Miner: {
      agent_name: string | null;
      agent_version: string | null;
      artifact_sha256: string | null;
      current_run: {
        epoch_sequence: number;
        metrics: {
          contradicts_count: number;
          error_rate: number;
          gate_knockout_count: number;
          matches_count: number;
          mean_agreement: number | null;
          mean_computation_correctness: number | null;
          mean_grounded_correctness: number | null;
          mean_instruction_safety: number | null;
          mean_latency_cost: number | null;
          mean_pairwise_preference: number | null;
          mean_retrieval_quality: number | null;
          mean_task_score: number | null;
          mean_tool_routing: number | null;
          not_applicable_count: number;
          partially_matches_count: number;
          reliable: boolean;
          tasks_with_computation_correctness: number;
          tasks_with_grounded: number;
          tasks_with_latency_cost: number;
          tasks_with_pairwise: number;
          tasks_with_retrieval: number;
          tasks_with_safety: number;
          tasks_with_tool_routing: number;
        };
        official_score: number | null;
        run_id: string;
        status: string;
        submission_id: string | null;
        total_tasks: number;
      } | null;
      deployment_id: string | null;
      deployment_status: string | null;
      epochs_participated: number;
      family_id: string;
      health_status: string | null;
      hotkey: string;
      hotkey_short: string;
      submission_id: string | null;
      submission_reason: string | null;
      submission_status: string | null;
      win_count: number;
    };
    MinerRun: {
      epoch_sequence: number;
      metrics: {
        contradicts_count: number;
        error_rate: number;
        gate_knockout_count: number;
        matches_count: number;
        mean_agreement: number | null;
        mean_computation_correctness: number | null;
        mean_grounded_correctness: number | null;
        mean_instruction_safety: number | null;
        mean_latency_cost: number | null;
        mean_pairwise_preference: number | null;
        mean_retrieval_quality: number | null;
        mean_task_score: number | null;
        mean_tool_routing: number | null;
        not_applicable_count: number;
        partially_matches_count: number;
        reliable: boolean;
        tasks_with_computation_correctness: number;
        tasks_with_grounded: number;
        tasks_with_latency_cost: number;
        tasks_with_pairwise: number;
        tasks_with_retrieval: number;
        tasks_with_safety: number;
        tasks_with_tool_routing: number;
      };
      official_score: number | null;
      run_id: string;
      status: string;
      submission_id: string | null;
      tasks: {
        agreement_score: number | null;
        agreement_verdict: string | null;
        applicable_metrics?: unknown;
        applied_weights?: unknown;
        baseline_citations: unknown[];
        baseline_response_text: string | null;
        capability: string | null;
        category: string;
        composite_knockout_reason: string | null;
        composite_score: number | null;
        computation_correctness: number | null;
        difficulty: string | null;
        domain: string | null;
        eval_failure_mode: string | null;
        eval_guidance: string | null;
        eval_outcome: string | null;
        /**
         * @description UTC, ISO-8601 without a zone
         * @example 2025-01-31T12:00:00.123000
         */
        evaluated_at: string | null;
        final_task_score: number | null;
        grounded_correctness: number | null;
        instruction_safety: number | null;
        judge_rationale: string | null;
        latency_cost: number | null;
        latency_ms: number;
        ledger_tools: string[];
        miner_citations: unknown[];
        miner_response?: unknown;
        mode: string;
        oracle_disagreement_note: string | null;
        oracle_source: string | null;
        oracle_status: string | null;
        pairwise_breakdown?: unknown;
        pairwise_preference_score: number | null;
        prompt: string | null;
        retrieval_quality: number | null;
        task_id: string;
        task_status: string;
        task_type: string | null;
        tool_routing: number | null;
        turn_count: number;
        user_turns: string[];
        validator_hotkey: string | null;
        vendor_status?: unknown;
        web_search: boolean;
        weighted_sum_score: number | null;
      }[];
      total_tasks: number;
    };
    MinerRunRecord: {
      costs: components['schemas']['RunCosts'];
      deployment_id: string;
      factors: components['schemas']['FactorMeans'] | null;
      family_id: string;
      hotkey: string;
      run_id: string;
      run_status: string;
      score: number | null;
      submission_id: string;
      tasks: {
        attested_tools: string[];
        capability: string | null;
        composite: number | null;
        cost_usd: number | null;
        disputed: boolean;
        domain: string | null;
        explanation: string | null;
        factors: components['schemas']['FactorMeans'] | null;
        guidance: string | null;
        judged_by: string[];
        knockout_reasons: string[] | null;
        latency_seconds: number | null;
        mode: string;
        oracle_status: string | null;
        prompt: string | null;
        response: string | null;
        status: string;
        status_reason: string | null;
        task_id: string | null;
        task_index: number;
        verdict: string | null;
      }[];
      texts_public: boolean;
    };
    MinerRuns: {
      family_id: string;
      miner_hotkey: string;
      runs: {
        epoch_sequence: number;
        metrics: {
          contradicts_count: number;
          error_rate: number;
          gate_knockout_count: number;
          matches_count: number;
          mean_agreement: number | null;
          mean_computation_correctness: number | null;
          mean_grounded_correctness: number | null;
          mean_instruction_safety: number | null;
          mean_latency_cost: number | null;
          mean_pairwise_preference: number | null;
          mean_retrieval_quality: number | null;
          mean_task_score: number | null;
          mean_tool_routing: number | null;
          not_applicable_count: number;
          partially_matches_count: number;
          reliable: boolean;
          tasks_with_computation_correctness: number;
          tasks_with_grounded: number;
          tasks_with_latency_cost: number;
          tasks_with_pairwise: number;
          tasks_with_retrieval: number;
          tasks_with_safety: number;
          tasks_with_tool_routing: number;
        };
        official_score: number | null;
        run_id: string;
        status: string;
        submission_id: string | null;
        total_tasks: number;
      }[];
    };
    MinerSubmissions: {
      hotkey: string;
      runs: {
        is_winner: boolean;
        run_id: string;
        score: number;
      }[];
      submissions: {
        agent_name: string | null;
        agent_version: string | null;
        introduced_run_id: string | null;
        reason: string | null;
        status: string;
        submission_id: string;
        submission_seq: number;
        /**
         * @description UTC, ISO-8601 without a zone
         * @example 2025-01-31T12:00:00.123000
         */
        submitted_at: string;
      }[];
      uid: number | null;
    };
    Neuron: {
      active: boolean;
      axon: string | null;
      block: number;
      coldkey: string | null;
      hotkey: string;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      last_synced_at: string;
      last_update_block: number;
      stake_tao: string;
      uid: number;
      validator_permit: boolean;
    };
    NeuronSync: {
      block: number;
      neurons: number;
    };
    OperatorAction: {
      action: string;
      actor: string;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      at: string;
      id: string;
      message: string;
      outcome: string;
      reason: string;
      request: {
        [key: string]: unknown;
      };
      target: string;
      via: string;
    };
    Overview: {
      active_validators: number;
      build_failed_submissions: number;
      completed_submissions: number;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      current_run_ends_at: string | null;
      current_run_id: string | null;
      current_run_sequence: number | null;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      current_run_started_at: string | null;
      current_run_status: string | null;
      evaluating_submissions: number;
      netuid: number;
      network: string;
      queued_submissions: number;
      retired_submissions: number;
      total_families: number;
      total_miners: number;
    };
    OwnSubmission: {
      archive_sha256: string;
      build_error: string | null;
      build_status: string;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      created_at: string;
      deployment: components['schemas']['Deployment'] | null;
      deployment_id: string | null;
      family_id: string;
      id: string;
      introduced_run_id: string | null;
      latest_scorecard_summary: components['schemas']['Scorecard'] | null;
      manifest: {
        [key: string]: unknown;
      };
      miner_hotkey: string;
      status: string;
      status_reason: string | null;
      submission_block: number;
      submission_id: string;
      submission_seq: number;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      updated_at: string;
    };
    PoolItem: {
      artifact_download_url: string;
      deployment_status: string | null;
      family_id: string;
      submission: components['schemas']['Submission'];
    };
    PublicationCancel: {
      action: string;
      changed: boolean;
      dry_run: boolean;
      message: string;
      publications: string[];
      run_id: string;
    };
    PublicationStart: {
      action: string;
      changed: boolean;
      dry_run: boolean;
      message: string;
      publications: string[];
      run_id: string;
    };
    PublicJourney: {
      agent_name: string | null;
      agent_version: string | null;
      archive_sha256: string;
      deployment: {
        health_status: string;
        id: string;
        placement_status: string;
        reason: string | null;
        status: string;
      } | null;
      family_id: string;
      hotkey: string;
      introduced_run_id: string | null;
      now: {
        reason: string;
        since: string;
        step: string;
      } | null;
      reason: string | null;
      scores: {
        archive_public: boolean;
        ineligible_because: string[];
        is_winner: boolean;
        run_id: string;
        score: number;
      }[];
      status: string;
      steps: {
        about: string;
        /**
         * @description UTC, ISO-8601 without a zone
         * @example 2025-01-31T12:00:00.123000
         */
        at: string;
        outcome: string;
        reason: string | null;
        step: string;
      }[];
      submission_block: number;
      submission_id: string;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      submitted_at: string;
    };
    QueuedSubmissions: {
      submissions: {
        agent_name: string | null;
        agent_version: string | null;
        artifact_sha256: string;
        family_id: string;
        hotkey: string;
        hotkey_short: string;
        status: string;
        submission_block: number;
        submission_id: string;
        /**
         * @description UTC, ISO-8601 without a zone
         * @example 2025-01-31T12:00:00.123000
         */
        submitted_at: string;
      }[];
      total: number;
    };
    ReEnrichment: {
      action: string;
      changed: boolean;
      dry_run: boolean;
      enrichment_status: string;
      message: string;
      run_id: string;
      task_id: string;
    };
    RegistryEntry: {
      endpoint: string;
      family_id: string;
      hotkey: string;
      is_active: boolean;
      latency_score: number;
      metadata: {
        [key: string]: unknown;
      };
      quality_score: number;
      stake: number;
      uid: number | null;
    };
    Run: {
      benchmark_version: string;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      closed_at: string | null;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      ends_at: string;
      evaluation_bundle_artifacts: {
        [key: string]: components['schemas']['ArtifactRef'];
      };
      evaluation_bundle_summaries: {
        [key: string]: {
          benchmark_version: string;
          categories: string[];
          difficulty_levels: string[];
          evaluation_tracks: string[];
          kind: string;
          rubric_version: string;
          task_count: number;
          task_families: string[];
        };
      };
      evidence_sha256: string | null;
      family_results: {
        [key: string]: {
          best_raw_score: number;
          family_id: string;
          has_winner: boolean;
          metadata: {
            [key: string]: unknown;
          };
          min_score: number;
          top_deployment_ids: string[];
          winner_deployment_id: string | null;
          winner_hotkey: string | null;
          winner_submission_id: string | null;
        };
      };
      family_score_summaries: {
        [key: string]: {
          [key: string]: unknown;
        };
      };
      judge_model: string;
      min_scores: {
        [key: string]: number;
      };
      phase: string;
      rubric_version: string;
      run_id: string;
      sampler_commitment: string | null;
      sampler_seed: string | null;
      scoring_version: number;
      sequence: number;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      started_at: string;
      status: string;
    };
    RunAdvance: {
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      ends_at: string | null;
      id: string;
      previous_run_id: string | null;
      previous_sequence: number | null;
      /** @enum {string} */
      result: 'advanced';
      sequence: number;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      started_at: string | null;
      status: string;
    };
    RunCosts: {
      llm_usd: number;
      refused_calls: number;
      tool_usd: number;
      usd_per_answer: number | null;
      usd_per_point: number | null;
    };
    RunProgress: {
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      closed_at: string | null;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      ends_at: string;
      leases: {
        /**
         * @description UTC, ISO-8601 without a zone
         * @example 2025-01-31T12:00:00.123000
         */
        claimed_at: string;
        /**
         * @description UTC, ISO-8601 without a zone
         * @example 2025-01-31T12:00:00.123000
         */
        expires_at: string;
        miner_count: number;
        task_id: string;
        validator_hotkey: string;
      }[];
      miners: {
        deployment_id: string;
        mean_score: number | null;
        miner_hotkey: string;
        tasks: {
          claimed: number;
          evaluated: number;
          expired: number;
          pending: number;
          unscored: number;
        };
      }[];
      oracles: {
        failed: number;
        pending: number;
        ready: number;
      };
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      paused_at: string | null;
      phase: string;
      reason: string | null;
      remaining_seconds: number;
      run_id: string;
      sequence: number;
      spend: {
        judges_usd: number;
        models_usd: number;
        oracles_usd: number;
        refused_calls: number;
        tools_usd: number;
      };
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      started_at: string;
      status: string;
      stuck: {
        failures: number;
        /**
         * @description UTC, ISO-8601 without a zone
         * @example 2025-01-31T12:00:00.123000
         */
        next_attempt: string;
        /**
         * @description UTC, ISO-8601 without a zone
         * @example 2025-01-31T12:00:00.123000
         */
        since: string;
        step: string;
      } | null;
      tasks: {
        claimed: number;
        evaluated: number;
        expired: number;
        pending: number;
        unscored: number;
      };
      total: number;
      validators: {
        active_leases: number;
        judgments: number;
        /**
         * @description UTC, ISO-8601 without a zone
         * @example 2025-01-31T12:00:00.123000
         */
        last_seen_at: string | null;
        validator_hotkey: string;
      }[];
    };
    RunSteering: {
      action: string;
      changed: boolean;
      dry_run: boolean;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      ends_at: string;
      message: string;
      phase: string;
      run_id: string;
      status: string;
    };
    Scorecard: {
      agent_gpa_breakdown: {
        [key: string]: unknown;
      };
      agent_gpa_score?: unknown;
      analyst_anti_gaming_metrics: {
        [key: string]: unknown;
      };
      analyst_failure_taxonomy: {
        [key: string]: unknown;
      };
      analyst_protocol_status: {
        [key: string]: unknown;
      };
      analyst_trace_metrics: {
        [key: string]: unknown;
      };
      analyst_track_gate_status: {
        [key: string]: unknown;
      };
      analyst_track_scores: {
        [key: string]: unknown;
      };
      analyst_truth_metrics: {
        [key: string]: unknown;
      };
      analyst_variant_diagnostics: {
        [key: string]: unknown;
      };
      analyst_variant_gate_status: {
        [key: string]: unknown;
      };
      analyst_variant_scores: {
        [key: string]: unknown;
      };
      anti_gaming_score: number;
      artifact_evaluation_summary: {
        [key: string]: unknown;
      };
      benchmark_version?: unknown;
      calibration_policy_version?: unknown;
      consistency_gate_failures: unknown[];
      consistency_gate_status?: unknown;
      consistency_policy_version?: unknown;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      created_at: string;
      deer_breakdown: {
        [key: string]: unknown;
      };
      deer_score?: unknown;
      deployment_id: string;
      evaluation_breakdown: {
        [key: string]: unknown;
      };
      evaluation_path?: unknown;
      evaluation_plane?: unknown;
      failure_taxonomy: {
        [key: string]: unknown;
      };
      family_capability_score: number;
      family_diagnostics: {
        [key: string]: unknown;
      };
      family_id: string;
      fixture_episode_count?: unknown;
      hidden_fixture_count?: unknown;
      is_eligible: boolean;
      is_run_winner: boolean;
      is_serving_selected: boolean;
      judge_score?: unknown;
      ledger_truth_breakdown: {
        [key: string]: unknown;
      };
      ledger_truth_score?: unknown;
      localized_failure_count?: unknown;
      localized_failure_labels: unknown[];
      miner_hotkey: string;
      official_family_score: number;
      official_scoring_version?: unknown;
      paper_deer_dimensions: {
        [key: string]: unknown;
      };
      paper_deer_subdimensions: {
        [key: string]: unknown;
      };
      primary_failure_stage?: unknown;
      promotion_gate_failures: unknown[];
      promotion_gate_metrics: {
        [key: string]: unknown;
      };
      promotion_gate_status?: unknown;
      protocol_contract_pass_rate?: unknown;
      protocol_fixture_ids: unknown[];
      protocol_gate_failures: unknown[];
      protocol_gate_passed: boolean;
      protocol_suite_id?: unknown;
      qualifies_for_incentives: boolean;
      rank: number | null;
      raw_score: number;
      recent_gate_history: unknown[];
      reliability_score: number;
      reward_rank: number | null;
      robustness_score: number;
      rubric_version?: unknown;
      run_id: string;
      run_winner_deployment_id: string | null;
      runtime_contract_modes: {
        [key: string]: unknown;
      };
      scoring_policy_version?: unknown;
      serving_rank: number | null;
      serving_selected_deployment_id: string | null;
      serving_selection_reason: string | null;
      serving_selection_score: number;
      submission_id: string;
      workflow_product_diagnostics: {
        corpus_manifest_digest?: unknown;
        corpus_version?: unknown;
        hidden_episode_count?: unknown;
        public_episode_count?: unknown;
        replay_episode_count?: unknown;
        workflow_composition_reason?: unknown;
        workflow_composition_registry_url?: unknown;
        workflow_composition_revision?: unknown;
        workflow_composition_source?: unknown;
        workflow_episode_count?: unknown;
        workflow_slice_id?: unknown;
        workflow_spec_ids: unknown[];
      };
    };
    ServingMiner: {
      endpoint: string;
      family_id: string;
      hotkey: string;
      metadata: {
        [key: string]: unknown;
      };
    };
    StoredArtifact: {
      artifact_id: string;
      download_url: string;
      sha256: string;
      size_bytes: number;
      storage_uri: string;
    };
    StuckWorkflow: {
      hotkey: string | null;
      kind: string | null;
      reason: string;
      run_id: string | null;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      started_at: string;
      status: string | null;
      step: string;
      workflow_id: string;
    };
    Submission: {
      archive_sha256: string;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      created_at: string;
      deployment: components['schemas']['Deployment'] | null;
      family_id: string;
      id: string;
      introduced_run_id: string | null;
      latest_scorecard_summary: components['schemas']['Scorecard'] | null;
      manifest: {
        [key: string]: unknown;
      };
      miner_hotkey: string;
      status: string;
      submission_block: number;
      submission_seq: number;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      updated_at: string;
    };
    SubmissionEvent: {
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      created_at: string;
      details: {
        [key: string]: unknown;
      };
      outcome: string;
      reason: string | null;
      step: string;
    };
    SubmissionJourney: {
      events: components['schemas']['SubmissionEvent'][];
      now: {
        reason: string;
        since: string;
        step: string;
      } | null;
      reason: string | null;
      status: string;
      submission_id: string;
    };
    SubmissionProgress: {
      capability_counts: {
        [key: string]: {
          completed: number;
          failed: number;
          planned: number;
          running: number;
        };
      };
      deployment: components['schemas']['Deployment'] | null;
      failure_classification_counts: {
        infra_failed_results: number;
        task_failed_results: number;
      };
      family_id: string;
      submission_id: string;
      submission_status: string;
      task_events: {
        error: string | null;
        judge_backed_result_count: number;
        score_bearing: boolean;
        status: string;
        task_id: string;
      }[];
      tasks: {
        error: string | null;
        judge_backed_result_count: number;
        score_bearing: boolean;
        status: string;
        task_id: string;
      }[];
      validator_reports: unknown[];
    };
    Targets: {
      allowed_tool_policy?: unknown;
      benchmark_version: string;
      evaluation_bundle: {
        [key: string]: unknown;
      } | null;
      evaluation_bundle_artifact: components['schemas']['ArtifactRef'] | null;
      family_id: string;
      judge_model: string;
      members: {
        [key: string]: unknown;
      }[];
      policy_version?: unknown;
      retrieval_environment?: unknown;
      rubric_version: string;
      run_id: string;
      status: string;
    };
    Unban: {
      action: string;
      changed: boolean;
      dry_run: boolean;
      hotkey: string;
      message: string;
    };
    ValidationError: {
      detail: {
        ctx?: {
          [key: string]: unknown;
        };
        input?: unknown;
        loc: (string | number)[];
        msg: string;
        type: string;
      }[];
    };
    Validator: {
      hotkey: string;
      is_active: boolean;
      /**
       * @description UTC, ISO-8601 without a zone
       * @example 2025-01-31T12:00:00.123000
       */
      last_synced_at: string;
      stake: number;
      uid: number;
    };
    ValidatorChange: {
      hotkey: string;
      is_active?: boolean;
      status: string;
    };
    ValidatorCosts: {
      run_id: string;
      total_cost_usd: number;
      total_judge_cost_usd: number;
      total_oracle_cost_usd: number;
      validators: {
        judge_cost_usd: number;
        oracle_cost_usd: number;
        tasks_claimed: number;
        tasks_evaluated: number;
        total_cost_usd: number;
        validator_hotkey: string;
      }[];
    };
    Weights: {
      digest: string | null;
      evidence_sha256: string | null;
      family_winners: {
        family_id: string;
        family_weight: number;
        /** @default 0 */
        official_family_score: number;
        winner_hotkey: string | null;
      }[];
      ready: boolean;
      run_id: string | null;
      signature: string | null;
      signer_hotkey: string | null;
      weights: {
        [key: string]: number;
      };
    };
    Whoami: {
      coldkey: string | null;
      hotkey: string;
      missing: string[];
      netuid: number;
      network: string;
      /** @enum {string} */
      role: 'owner';
      stake_tao: string | null;
      uid: number | null;
      validator_permit: boolean;
    };
    Withdrawal: {
      dry_run?: boolean;
      reason: string;
      status: string;
      submission_id: string;
    };
  };
  responses: never;
  parameters: never;
  requestBodies: never;
  headers: never;
  pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
